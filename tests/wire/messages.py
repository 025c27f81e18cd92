"""Requests for properties: pieces that are sound, pieces that are not, and ways to spoil them."""

import random

from hypothesis import strategies as st

SOUND = [
    b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET /b?c=d HTTP/1.1\r\nHost: a:80\r\nX-Empty:\r\nX: \t y z \t \r\nx: again\r\n\r\n",
    b"HEAD http://a/b HTTP/1.1\r\nhost: a\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nhost: [::1]:8000\r\n\r\n",
    b"\r\nPOST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello",
    b"PUT /p HTTP/1.1\r\nhost: a\r\ncontent-length: 0005 \r\nexpect: 100-continue\r\n\r\nworld",
    b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: Chunked \r\n\r\n"
    b'00A;a;b="c d"\r\n0123456789\r\n00\r\nx: y\r\n\r\n',
    b"PATCH / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
    b"DELETE / HTTP/1.1\r\nhost: a\r\nconnection: keep-alive, x\r\ncookie: a=b\r\ncookie: c=d\r\n\r\n",
    b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n",
]
LAST = [
    b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: a\r\nconnection: x, Close\r\n\r\n",
    b"GET / HTTP/1.0\r\nhost: a\r\n\r\n",
    b"POST / HTTP/1.0\r\ncontent-length: 2\r\n\r\nhi",
]
PIECES = [
    *(b"GET", b"POST", b"CONNECT", b"BREW", b"get", b"PRI", b"OPTIONS"),
    *(b" ", b"  ", b"\t", b"\r\n", b"\n", b"\r", b"\r\n\r\n", b":", b",", b";"),
    *(b"\0", b"\x0b", b"\x7f", b"\x80", b"\xff"),
    *(b"/", b"*", b"http://a/", b"http://b", b"//", b"/a#b", b"?", b"%", b"%zz", b"\\", b'"', b"<>"),
    *(b" HTTP/1.1", b" HTTP/1.0", b" HTTP/2.0", b" HTTP/0.9", b"HTTP/1.1", b" HTTP/1.1\r\n"),
    *(b"host: a\r\n", b"host:\r\n", b"host: b\r\n", b"host: a, b\r\n"),
    *(b"x: y\r\n", b" fold\r\n", b"x : y\r\n", b": y\r\n", b"expect: x\r\n"),
    *(b"content-length: 5\r\n", b"content-length: 1_0\r\n", b"content-length: -1\r\n", b"content-length: 3, 3\r\n"),
    *(b"transfer-encoding: chunked\r\n", b"transfer-encoding: ,chunked\r\n", b"transfer-encoding: identity\r\n"),
    *(b"transfer-encoding: gzip, chunked\r\n", b"transfer-encoding: xchunked\r\n"),
    *(b"transfer-encoding:\x0bchunked\r\n", b"connection: upgrade\r\nupgrade: x\r\n"),
    *(b"connection: close\r\n", b"connection: keep-alive\r\n"),
    *(b"0\r\n", b"0\r\n\r\n", b"5\r\nhello\r\n", b"5 \r\n", b"g\r\n", b"0x5\r\n", b"-1\r\n", b"5;\r\n"),
    *(b"5;a b\r\n", b"5;a=\r\n", b"fffffffffffffffff\r\n", b"\x16\x03\x01\x02\x00", b"SM\r\n\r\n"),
]


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """A sound message with up to three wounds."""
    message = bytearray(draw(st.sampled_from(SOUND + LAST)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(message)))
        gap = draw(st.sampled_from([0, 0, 1, 1, 2, 5]))
        message[at : at + gap] = draw(st.sampled_from(PIECES) | st.binary(max_size=2))
    return bytes(message)


streams = st.lists(
    st.sampled_from(SOUND) | spoilt() | spoilt() | st.sampled_from(PIECES) | st.sampled_from(LAST), max_size=4
).map(b"".join)
"""What a hostile client might send on one connection."""


def spoil(seed: int) -> bytes:
    """The same without hypothesis, by a seed: one to three messages, at least one of them spoilt."""
    chance = random.Random(seed)
    messages = [bytearray(chance.choice(SOUND + LAST)) for _ in range(chance.randint(1, 3))]
    victim = chance.choice(messages)
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, len(victim))
        piece = chance.choice([*PIECES, bytes(chance.choices(range(256), k=chance.randint(1, 4)))])
        victim[at : at + chance.choice([0, 1, len(piece), 20])] = piece
    return b"".join(messages)
