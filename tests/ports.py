"""Ports for servers that tests start."""

import random
import socket
from pathlib import Path

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 10_000


def _before_the_systems_own() -> int:
    """The first of the ports that the system gives to whoever connects, or binds to port 0."""
    first = int(_RANGE.read_text().split()[0]) if _RANGE.exists() else 32_768
    return first if first > _LOWEST + 1000 else 32_768


def free_port() -> int:
    """A port of the loopback that nobody listens on now, and that the system gives to nobody.

    One of the system's own could be anybody's by the time the server starts, or starts again after a kill. And a client
    that tries such a port again and again, where nobody listens, may be given it as its own, and meet itself.
    """
    for _ in range(100):
        port = random.SystemRandom().randrange(_LOWEST, _before_the_systems_own())  # not of a generator that tests seed
        with socket.socket() as end:
            try:
                end.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("of a hundred ports of the loopback not one is free")
