"""What systemd and a service say to each other: sd_notify(3) and sd_listen_fds(3), without its library."""

import os
import socket
from collections.abc import Mapping

from stanchion.errors import ConfigurationError

_FIRST = 3
"""The first descriptor that is passed; those before are standard input, output and error."""
_PATIENCE = 0.5
"""Seconds for a manager with a full socket: long enough that READY=1 is not lost, short enough to go on without one."""


def notify(state: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Tell the service manager, such as `READY=1`; whether it was told.

    Nothing happens where none asks for it ($NOTIFY_SOCKET is not set). One that does not answer is no reason to stop.
    """
    path = environ.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return False
    address = "\0" + path[1:] if path.startswith("@") else path
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.settimeout(_PATIENCE)
            end.connect(address)
            end.send(state.encode())
    except OSError:
        return False
    return True


def listen_descriptors(environ: Mapping[str, str], pid: int) -> list[int]:
    """The descriptors of the sockets that were opened for this process, in order; none where there are none for it.

    Raises:
        ConfigurationError: $LISTEN_PID or $LISTEN_FDS is not a whole number.
    """
    if "LISTEN_PID" not in environ or "LISTEN_FDS" not in environ:
        return []
    if _number(environ, "LISTEN_PID") != pid:
        return []
    return list(range(_FIRST, _FIRST + _number(environ, "LISTEN_FDS")))


def _number(environ: Mapping[str, str], name: str) -> int:
    text = environ[name]
    if not (text.isascii() and text.isdigit()):
        raise ConfigurationError(f"{name}={text!r}: expected a whole number, as systemd sets it; unset it to bind anew")
    return int(text)
