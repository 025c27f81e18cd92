"""PROXY protocol: parsed as its document says, and never trusted to be short or well-formed."""

from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.wire.proxy_protocol import MOST, Preamble, parse

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v2(body: bytes, *, command: int = 0x21, family: int = 0x11) -> bytes:
    return SIGNATURE + bytes((command, family)) + len(body).to_bytes(2, "big") + body


V4 = bytes((198, 51, 100, 1, 10, 0, 0, 1)) + (4711).to_bytes(2, "big") + (80).to_bytes(2, "big")
WHOLE: list[tuple[bytes, Any]] = [
    (b"PROXY TCP4 198.51.100.1 10.0.0.1 4711 80\r\n", ("198.51.100.1", 4711)),
    (b"PROXY TCP6 2001:DB8::1 ::1 4711 80\r\n", ("2001:db8::1", 4711)),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", None),
    (v2(V4), ("198.51.100.1", 4711)),
    (v2(V4 + b"\x04\x00\x03abc"), ("198.51.100.1", 4711)),
    (v2(ip_address("2001:db8::1").packed * 2 + b"\x12\x34\0\x50", family=0x21), ("2001:db8::1", 0x1234)),
    (v2(b"", command=0x20, family=0), None),
    (v2(V4, command=0x20), None),
    (v2(b"x" * 216, family=0x31), None),
    (v2(b"", family=0), None),
]


@pytest.mark.parametrize(("head", "client"), WHOLE)
def test_a_preamble_is_read_however_it_arrives(head: bytes, client: Any) -> None:
    for cut in range(len(head)):
        assert parse(head[:cut]) is None
    for rest in (b"", b"GET / HTTP/1.1\r\n", b"PROXY "):
        assert parse(head + rest) == Preamble(client=client, size=len(head))


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"PROXY TCP4 198.51.100.1 10.0.0.1 4711 80\n",
        b"PROXY TCP4 198.51.100.256 10.0.0.1 4711 80\r\n",
        b"PROXY TCP4 2001:db8::1 ::1 4711 80\r\n",
        b"PROXY TCP4 198.51.100.1 10.0.0.1 65536 80\r\n",
        b"PROXY TCP4  198.51.100.1 10.0.0.1 1 80\r\n",
        b"PROXY UDP4 198.51.100.1 10.0.0.1 1 80\r\n",
        b"PROXY UNKNOWN " + b"x" * 100,
        b"proxy tcp4",
        v2(V4, command=0x11),
        v2(V4, command=0x2F),
        v2(V4[:-1]),
        v2(b"x" * MOST),
        SIGNATURE[:-1] + b"x",
    ],
)
def test_what_is_malformed_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"PROXY|Octet|octet|Expected|address"):
        parse(data)


@given(st.one_of(st.binary(), st.binary().map(lambda rest: b"PROXY TCP4 " + rest), st.binary().map(v2)))
def test_any_bytes_are_a_preamble_or_more_is_needed_or_none(data: bytes) -> None:
    try:
        found = parse(data)
    except ValueError:
        return
    assert len(data) < MOST + 16 if found is None else 0 < found.size <= len(data)
