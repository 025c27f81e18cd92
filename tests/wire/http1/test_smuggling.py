"""A message two parsers could read differently is refused, whole, before any handler sees it."""

import time

import pytest

from stanchion.http.request import Request
from stanchion.http.response import Response, Stream
from tests.wire.client import chunked, get
from tests.wire.handlers import echo, path_later, swallow
from tests.wire.live import ANY, Live

AFTER = b"GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n"


def raw(*lines: str, body: bytes = b"") -> bytes:
    """A POST of exactly these header lines."""
    return "\r\n".join(("POST / HTTP/1.1", *lines, "", "")).encode("latin-1") + body


HOST = "host: a"
CL, TE = "content-length: 5", "transfer-encoding: chunked"
HELLO = b"5\r\nhello\r\n0\r\n\r\n"

seen: list[str] = []
"""What got to a handler."""


def note(request: Request) -> Response:
    seen.append(request.path)
    return Response(b"")


async def echo_stream(request: Request) -> Response:
    return Stream(request.chunks())


HANDLERS = {"/echo": echo, "/swallow": swallow, "/later": path_later, "/stream": echo_stream, ANY: note}

HEADS = {
    "length then coding": (400, raw(HOST, CL, TE, body=HELLO)),
    "coding then length": (400, raw(HOST, TE, CL, body=HELLO)),
    "length repeated": (400, raw(HOST, CL, CL, body=b"hello")),
    "lengths that differ": (400, raw(HOST, CL, "content-length: 6", body=b"hello!")),
    "length list": (400, raw(HOST, "content-length: 5, 5", body=b"hello")),
    "length empty": (400, raw(HOST, "content-length:", body=b"hello")),
    "length signed": (400, raw(HOST, "content-length: +5", body=b"hello")),
    "length negative": (400, raw(HOST, "content-length: -5", body=b"hello")),
    "length hexadecimal": (400, raw(HOST, "content-length: 0x5", body=b"hello")),
    "length with underscore": (400, raw(HOST, "content-length: 1_0", body=b"hello67890")),
    "length with a blank": (400, raw(HOST, "content-length: 1 0", body=b"hello67890")),
    "length in other digits": (400, raw(HOST, "content-length: \xb2", body=b"he")),
    "length beyond 64 bits": (400, raw(HOST, f"content-length: {1 << 64}", body=b"hello")),
    "coding repeated": (400, raw(HOST, TE, TE, body=HELLO)),
    "coding empty": (400, raw(HOST, "transfer-encoding:", body=HELLO)),
    "coding led by a comma": (400, raw(HOST, "transfer-encoding: ,chunked", body=HELLO)),
    "coding then comma": (400, raw(HOST, "transfer-encoding: chunked,", body=HELLO)),
    "coding xchunked": ((400, 501), raw(HOST, "transfer-encoding: xchunked", body=HELLO)),
    "coding chunkedx": ((400, 501), raw(HOST, "transfer-encoding: chunkedx", body=HELLO)),
    "coding quoted": (400, raw(HOST, 'transfer-encoding: "chunked"', body=HELLO)),
    "coding with a tab within": (400, raw(HOST, "transfer-encoding: chun\tked", body=HELLO)),
    "coding with a vertical tab": (400, raw(HOST, "transfer-encoding: \x0bchunked", body=HELLO)),
    "coding identity last": ((400, 501), raw(HOST, "transfer-encoding: chunked, identity", body=HELLO)),
    "coding identity": ((400, 501), raw(HOST, "transfer-encoding: identity", body=HELLO)),
    "coding identity in another field": (400, raw(HOST, TE, "transfer-encoding: identity", body=HELLO)),
    "coding gzip": (501, raw(HOST, "transfer-encoding: gzip, chunked", body=HELLO)),
    "coding chunked twice": ((400, 501), raw(HOST, "transfer-encoding: chunked, chunked", body=HELLO)),
    "coding in HTTP/1.0": (400, raw(HOST, TE, body=HELLO).replace(b"1.1", b"1.0", 1)),
    "obs-fold": (400, raw(HOST, "x: y", " z")),
    "obs-fold by a tab": (400, raw(HOST, "x: y", "\tz")),
    "obs-fold of the coding": (400, raw(HOST, "transfer-encoding:", " chunked", body=HELLO)),
    "obs-fold before the first field": (400, raw(" x: y", HOST)),
    "bare LF after the request line": (400, b"GET / HTTP/1.1\nhost: a\r\n\r\n"),
    "bare LF after a field": (400, b"GET / HTTP/1.1\r\nhost: a\nx: y\r\n\r\n"),
    "bare LF at the end": (400, b"GET / HTTP/1.1\r\nhost: a\r\n\n"),
    "bare CR in a value": (400, raw(HOST, "x: y\rz: w")),
    "bare CR after a field": (400, b"GET / HTTP/1.1\r\nhost: a\rx: y\r\n\r\n"),
    "bare CR in the request line": (400, b"GET /\r HTTP/1.1\r\nhost: a\r\n\r\n"),
    "blank before the colon": (400, raw(HOST, "content-length : 5", body=b"hello")),
    "tab before the colon": (400, raw(HOST, "transfer-encoding\t: chunked", body=HELLO)),
    "blank in a name": (400, raw(HOST, "x y: z")),
    "blank before a name": (400, raw(HOST, "x: y", " content-length: 5", body=b"hello")),
    "no colon": (400, raw(HOST, "nonsense")),
    "empty name": (400, raw(HOST, ": y")),
    "control character in a value": (400, raw(HOST, "x: \x01")),
    "NUL in a value": (400, raw(HOST, "x: \x00")),
    "DEL in a value": (400, raw(HOST, "x: \x7f")),
    "control character in a name": (400, raw(HOST, "x\x01: y")),
    "NUL in a name": (400, raw(HOST, "x\x00: y")),
    "obs-text in a name": (400, raw(HOST, "x\xff: y")),
    "NUL in the target": (400, b"GET /\x00 HTTP/1.1\r\nhost: a\r\n\r\n"),
    "obs-text in the target": (400, b"GET /\xff HTTP/1.1\r\nhost: a\r\n\r\n"),
    "blank in the target": (400, b"GET /a b HTTP/1.1\r\nhost: a\r\n\r\n"),
    "fragment in the target": (400, b"GET /a#b HTTP/1.1\r\nhost: a\r\n\r\n"),
    "target without a slash": (400, b"GET a HTTP/1.1\r\nhost: a\r\n\r\n"),
    "no target": (400, b"GET HTTP/1.1\r\nhost: a\r\n\r\n"),
    "target of another scheme": (400, b"GET ftp://a/ HTTP/1.1\r\nhost: a\r\n\r\n"),
    "asterisk for a GET": (400, b"GET * HTTP/1.1\r\nhost: a\r\n\r\n"),
    "no version": ((400, 505), b"GET /\r\nhost: a\r\n\r\n"),
    "HTTP/0.9": ((400, 505), b"GET / HTTP/0.9\r\nhost: a\r\n\r\n"),
    "HTTP/0.9 kept alive": ((400, 505), b"GET / HTTP/0.9\r\nhost: a\r\nconnection: keep-alive\r\n\r\n"),
    "HTTP/2.0": (505, b"GET / HTTP/2.0\r\nhost: a\r\n\r\n"),
    "HTTP/2.0 kept alive": (505, b"GET / HTTP/2.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\n"),
    "HTTP/1.2": ((400, 505), b"GET / HTTP/1.2\r\nhost: a\r\n\r\n"),
    "HTTP/1.10": (400, b"GET / HTTP/1.10\r\nhost: a\r\n\r\n"),
    "http/1.1": (400, b"GET / http/1.1\r\nhost: a\r\n\r\n"),
    "HTTP/2 preface": ((400, 505), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "TLS": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    "no Host": (400, b"GET / HTTP/1.1\r\n\r\n"),
    "no Host, absolute target": (400, b"GET http://a/ HTTP/1.1\r\n\r\n"),
    "Host repeated": (400, raw(HOST, HOST)),
    "Hosts that differ": (400, raw(HOST, "host: b")),
    "Host empty": (400, raw("host:")),
    "Host of blanks": (400, raw("host: \t ")),
    "Host list": (400, raw("host: a, b")),
    "Host with a path": (400, raw("host: a/b")),
    "Host with a user": (400, raw("host: a@b")),
    "Host with a blank": (400, raw("host: a b")),
    "Host with two ports": (400, raw("host: a:1:2")),
    "Host with a named port": (400, raw("host: a:http")),
    "Host with obs-text": (400, raw("host: \xe9")),
    "absolute target, other Host": (400, b"GET http://b/ HTTP/1.1\r\nhost: a\r\n\r\n"),
    "absolute target with a user": (400, b"GET http://a@b/ HTTP/1.1\r\nhost: b\r\n\r\n"),
    "absolute target without a host": (400, b"GET http:///a HTTP/1.1\r\nhost: a\r\n\r\n"),
    "upgrade with a length": (400, raw(HOST, "connection: upgrade", "upgrade: x", CL, body=b"hello")),
    "upgrade with chunks": (400, raw(HOST, "connection: upgrade", "upgrade: x", TE, body=HELLO)),
    "CONNECT": ((400, 501), b"CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n"),
    "CONNECT to a path": ((400, 501), b"CONNECT / HTTP/1.1\r\nhost: a\r\n\r\n"),
    "a method no route has": (501, b"PROPFIND / HTTP/1.1\r\nhost: a\r\n\r\n"),
    "an unknown method": ((400, 501), b"BREW / HTTP/1.1\r\nhost: a\r\n\r\n"),
    "a method in lower case": ((400, 501), b"get / HTTP/1.1\r\nhost: a\r\n\r\n"),
    "Content-Type repeated": (400, raw(HOST, "content-type: a/b", "content-type: c/d")),
    "Authorization repeated": (400, raw(HOST, "authorization: a", "authorization: b")),
}

CHUNKS = {
    "size not hexadecimal": b"g\r\nhello\r\n0\r\n\r\n",
    "size empty": b"\r\nhello\r\n0\r\n\r\n",
    "size signed": b"+5\r\nhello\r\n0\r\n\r\n",
    "size negative": b"-5\r\nhello\r\n0\r\n\r\n",
    "size prefixed": b"0x5\r\nhello\r\n0\r\n\r\n",
    "size with underscore": b"0_5\r\nhello\r\n0\r\n\r\n",
    "size led by a blank": b" 5\r\nhello\r\n0\r\n\r\n",
    "size then blank": b"5 \r\nhello\r\n0\r\n\r\n",
    "size beyond 64 bits": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "size then bare LF": b"5\nhello\r\n0\r\n\r\n",
    "size then bare CR": b"5\rhello\r\n0\r\n\r\n",
    "extension then bare LF": b"5;x\nhello\r\n0\r\n\r\n",
    "extension then bare CR": b"5;x\rhello\r\n0\r\n\r\n",
    "extension of control characters": b"5;\x01\r\nhello\r\n0\r\n\r\n",
    "line end within a quoted extension": b'5;x="\r\n"\r\nhello\r\n0\r\n\r\n',
    "no line end after the data": b"5\r\nhello0\r\n\r\n",
    "bare LF after the data": b"5\r\nhello\n0\r\n\r\n",
    "bare CR after the data": b"5\r\nhello\r0\r\n\r\n",
    "data too long": b"5\r\nhello!\r\n0\r\n\r\n",
    "last chunk then bare LF": b"5\r\nhello\r\n0\n\n",
    "trailer then bare LF": b"0\r\nx: y\n\r\n",
    "trailer folded": b"0\r\nx: y\r\n z\r\n\r\n",
    "trailer without a colon": b"0\r\nnonsense\r\n\r\n",
    "trailer with a blank before the colon": b"0\r\nx : y\r\n\r\n",
    "trailer Content-Length": b"0\r\ncontent-length: 5\r\n\r\n",
    "trailer Transfer-Encoding": b"0\r\ntransfer-encoding: chunked\r\n\r\n",
    "trailer Host": b"0\r\nhost: b\r\n\r\n",
    "trailer Authorization": b"0\r\nauthorization: b\r\n\r\n",
    "trailer Cookie": b"0\r\ncookie: b\r\n\r\n",
    "trailer Content-Type": b"0\r\ncontent-type: b\r\n\r\n",
}


@pytest.mark.parametrize(("expected", "message"), HEADS.values(), ids=HEADS.keys())
def test_a_head_is_refused(shared: Live, expected: int | tuple[int, ...], message: bytes) -> None:
    with shared.connect() as client:
        answer = client.send(message + AFTER).last_answer()
        assert answer.status in (expected if isinstance(expected, tuple) else (expected,))
        assert answer.closes
        assert answer.headers["content-type"] == "application/problem+json"
    assert seen == []
    assert shared.logged() == []


@pytest.mark.parametrize("pause", [False, True])
@pytest.mark.parametrize("path", ["/echo", "/swallow"])
@pytest.mark.parametrize("body", CHUNKS.values(), ids=CHUNKS.keys())
def test_a_chunked_body_is_refused(shared: Live, path: str, body: bytes, pause: bool) -> None:
    with shared.connect() as client:
        head = chunked(path, b"so far", end=b"")
        if pause:  # the handler waits for more when it comes
            client.send(head)
            time.sleep(0.005)
            client.send(body + AFTER)
        else:
            client.send(head + body + AFTER)
        answer = client.last_answer()
        assert (answer.status, answer.closes) == (400, True)
    assert seen == []
    assert shared.logged() == []


@pytest.mark.parametrize("message", [HEADS["coding then length"][1], chunked("/x", end=CHUNKS["data too long"])])
def test_what_came_before_is_answered(shared: Live, message: bytes) -> None:
    with shared.connect() as client:
        client.send(get("/later?0.02") + get("/later?0") + message + AFTER)
        assert [answer.body for answer in client.answers(2)] == [b"/later", b"/later"]
        answer = client.last_answer()
        assert (answer.status, answer.closes) == (400, True)


def test_a_handler_that_streams_is_broken_off_by_a_malformed_body(shared: Live) -> None:
    with shared.connect() as client:
        client.send(chunked("/stream", b"so far", end=b""))
        assert client.until(b"so far\r\n")
        client.send(b"nonsense\r\n" + AFTER)
        assert client.cut()
