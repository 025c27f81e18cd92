"""The PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt): who is at the other end of a proxy's connection.

A proxy that forwards bytes, not requests, says so before them. What it says is believed, so a listener that expects it
must be reachable by the proxy alone. TLVs of version 2 are skipped, and so is whatever is no TCP address.
"""

import re
from ipaddress import IPv4Address, IPv6Address

from msgspec import Struct

Address = tuple[str, int]

MOST = 4096
"""Bytes of a preamble: those of version 1 have up to 107, of version 2 some 16 to 60 and then TLVs of a few hundred."""

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_HEAD = 16
_MOST_V1 = 107
_V1 = re.compile(
    rb"PROXY (?:(TCP4|TCP6) ([0-9A-Fa-f.:]{2,45}) [0-9A-Fa-f.:]{2,45} (\d{1,5}) \d{1,5}|UNKNOWN[^\r\n]*)\r\n"
)
_LOCAL, _PROXY = 0x20, 0x21
_TCP4, _TCP6 = 0x11, 0x21


class Preamble(Struct, frozen=True, kw_only=True):
    """What a connection began with."""

    client: Address | None
    """None where the proxy speaks for itself, as in a health check, or does not know."""
    size: int
    """Bytes, after which the client's own begin."""


def parse(data: bytes) -> Preamble | None:
    """The preamble that `data` begins with; None while it is not complete.

    Raises:
        ValueError: it is none, or is too long.
    """
    if data[: len(_SIGNATURE)] == _SIGNATURE[: len(data)]:
        return _version_2(data)
    if data[:6] == b"PROXY "[: len(data)]:
        return _version_1(data)
    raise ValueError("no PROXY protocol")


def _version_1(data: bytes) -> Preamble | None:
    end = data.find(b"\n", 0, _MOST_V1)
    if end < 0:
        if len(data) >= _MOST_V1:
            raise ValueError("a PROXY line has no end")
        return None
    found = _V1.fullmatch(data, 0, end + 1)
    if found is None:
        raise ValueError("a PROXY line is malformed")
    if found[1] is None:
        return Preamble(client=None, size=end + 1)
    address: IPv4Address | IPv6Address
    address = (IPv4Address if found[1] == b"TCP4" else IPv6Address)(found[2].decode())
    port = int(found[3])
    if port > 0xFFFF:
        raise ValueError("a PROXY line is malformed")
    return Preamble(client=(str(address), port), size=end + 1)


def _version_2(data: bytes) -> Preamble | None:
    if len(data) < _HEAD:
        return None
    command, family = data[12], data[13]
    size = _HEAD + int.from_bytes(data[14:16], "big")
    if command not in (_LOCAL, _PROXY) or size > MOST:
        raise ValueError("a PROXY header is of another version, or too long")
    if len(data) < size:
        return None
    return Preamble(client=_client(family, data[_HEAD:size]) if command == _PROXY else None, size=size)


def _client(family: int, addresses: bytes) -> Address | None:
    """The source address: two addresses come first, then two ports."""
    width = {_TCP4: 4, _TCP6: 16}.get(family)
    if width is None:
        return None
    if len(addresses) < 2 * width + 4:
        raise ValueError("a PROXY header is cut off")
    raw = addresses[:width]
    address = IPv4Address(raw) if width == 4 else IPv6Address(raw)
    return str(address), int.from_bytes(addresses[2 * width : 2 * width + 2], "big")
