"""One request, one response: versions, methods, targets, and what the head of a response says."""

import asyncio
import re
import time
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
import pytest

from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.wire.http1.protocol import HTTP1
from tests.wire.client import chunked, get, post
from tests.wire.conftest import Serve
from tests.wire.handlers import echo, hello, hello_task, path_of
from tests.wire.live import ANY

HANDLERS = pytest.mark.parametrize("handler", [hello, hello_task])


@HANDLERS
def test_a_get_is_answered_with_length_type_and_date(serve: Serve, handler: Any) -> None:
    with serve({"/": handler}).connect() as client:
        client.send(get())
        head = client.until(b"\r\n\r\n")
        assert re.fullmatch(
            rb"HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 5\r\n"
            rb"date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n\r\n",
            head,
        )
        assert client.until(b"hello") == b"hello"


@HANDLERS
def test_a_connection_is_kept_alive(serve: Serve, handler: Any) -> None:
    live = serve({"/": handler})
    with live.connect() as client:
        for _ in range(50):
            assert client.send(get()).answer().body == b"hello"
        assert live.connections() == 1


@HANDLERS
def test_head_has_the_length_and_no_body(serve: Serve, handler: Any) -> None:
    with serve({"/": handler}).connect() as client:
        answer = client.send(get(method="HEAD")).answer("HEAD")
        assert (answer.headers["content-length"], answer.body) == ("5", b"")
        assert client.send(get()).answer().body == b"hello"


@HANDLERS
@pytest.mark.parametrize("field", ["connection: close", "Connection: Close", "connection: x, close"])
def test_connection_close_is_honoured(serve: Serve, handler: Any, field: str) -> None:
    with serve({"/": handler}).connect() as client:
        answer = client.send(get("/", field)).last_answer()
        assert (answer.body, answer.closes) == (b"hello", True)


@HANDLERS
def test_http_1_0_closes_unless_told_otherwise(serve: Serve, handler: Any) -> None:
    live = serve({"/": handler})
    with live.connect() as client:
        answer = client.send(b"GET / HTTP/1.0\r\n\r\n").last_answer()
        assert (answer.body, answer.closes) == (b"hello", True)
    with live.connect() as client:
        for _ in range(3):
            answer = client.send(b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n").answer()
            assert (answer.body, answer.headers["connection"]) == (b"hello", "keep-alive")


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_has_none(serve: Serve, status: int) -> None:
    async def empty(request: Request) -> Response:
        return Response(b"dropped", status, "text/plain")

    with serve({"/": empty, "/next": hello}).connect() as client:
        answer = client.send(get() + get("/next")).answer()
        assert answer.status == status
        assert not {"content-length", "content-type"} & answer.headers.keys()
        assert client.answer().body == b"hello"


def test_a_request_arrives_whole(serve: Serve) -> None:
    with serve({"/a%2Fb": echo}).connect() as client:
        fields = ("X-Two: 1", "x-two: 2", "Cookie: a=b", "cookie: c=d", "X-Padded: \t b c \t ", "X-Empty:")
        said = msgspec.json.decode(client.send(post("/a%2Fb?c=%20d?e", b"body", *fields)).answer().body)
        assert said == {
            "method": "POST",
            "path": "/a%2Fb",
            "query": "c=%20d?e",
            "headers": {
                "host": "a",
                "content-length": "4",
                "x-two": "1, 2",
                "cookie": "a=b; c=d",
                "x-padded": "b c",
                "x-empty": "",
            },
            "body": "body",
        }


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY", "TRACE"])
def test_methods(serve: Serve, method: str) -> None:
    with serve({"/": echo}).connect() as client:
        said = msgspec.json.decode(client.send(get(method=method)).answer().body)
        assert said["method"] == method


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("http://a/b?c=d", "/b", "c=d"),
        ("HTTP://A/b", "/b", ""),
        ("http://a", "/", ""),
        ("http://a?b", "/", "b"),
        ("https://a/b", "/b", ""),
    ],
)
def test_the_absolute_form_is_a_path_and_a_host(serve: Serve, target: str, path: str, query: str) -> None:
    with serve({ANY: echo}).connect() as client:
        said = msgspec.json.decode(client.send(get(target)).answer().body)
        assert (said["path"], said["query"], said["headers"]["host"].lower()) == (path, query, "a")


def test_options_of_the_server_itself(serve: Serve) -> None:
    with serve({"*": path_of}).connect() as client:
        assert client.send(get("*", method="OPTIONS")).answer().body == b"*"
        assert client.send(get("*")).last_answer().status == 400


def test_an_upgrade_that_is_not_offered_is_ignored(serve: Serve) -> None:
    with serve({ANY: path_of}).connect() as client:
        wish = ("connection: upgrade", "upgrade: h2c")
        client.send(get("/1", *wish) + get("/2", *wish) + get("/3"))
        assert [answer.body for answer in client.answers(3)] == [b"/1", b"/2", b"/3"]


def test_chunked_requests_with_extensions_and_trailers(serve: Serve) -> None:
    with serve({"/": echo}).connect() as client:
        body = b'5;a;b=c;d="e f"\r\nhello\r\n0006\r\n world\r\n0;x\r\nchecksum: 1\r\n\r\n'
        client.send(chunked("/", end=body) + chunked("/", b"again"))
        first, second = (msgspec.json.decode(answer.body) for answer in client.answers(2))
        assert (first["body"], second["body"]) == ("hello world", "again")
        assert "checksum" not in first["headers"] | second["headers"]


def test_blank_lines_before_a_request_are_ignored(serve: Serve) -> None:
    with serve({"/": echo}).connect() as client:
        client.send(b"\r\n\r\n" + post("/", b"a") + b"\r\n" + post("/", b"b"))
        assert [msgspec.json.decode(answer.body)["body"] for answer in client.answers(2)] == ["a", "b"]


def test_a_body_that_is_not_read_does_not_disturb_the_next_request(serve: Serve) -> None:
    with serve({"/": hello, "/task": hello_task}).connect() as client:
        for path in ("/", "/task"):
            client.send(post(path, b"GET /x HTTP/1.1\r\n\r\n") + get())
            assert [answer.body for answer in client.answers(2)] == [b"hello", b"hello"]


def test_a_text_body_gets_its_media_type(serve: Serve) -> None:
    async def text(request: Request) -> Response:
        return Response("grüß")

    async def raw(request: Request) -> Response:
        return Response(memoryview(b"raw"))

    with serve({"/": text, "/raw": raw}).connect() as client:
        answer = client.send(get()).answer()
        assert (answer.headers["content-type"], answer.body.decode()) == ("text/plain; charset=utf-8", "grüß")
        answer = client.send(get("/raw")).answer()
        assert (answer.headers["content-type"], answer.body) == ("application/octet-stream", b"raw")


def test_a_reused_connection_gets_a_fresh_date(serve: Serve) -> None:
    with serve({"/": hello}).connect() as client:
        first = parsedate_to_datetime(client.send(get()).answer().headers["date"]).timestamp()
        assert abs(first - time.time()) <= 2
        time.sleep(1.1)
        second = parsedate_to_datetime(client.send(get()).answer().headers["date"]).timestamp()
        assert 1 <= second - first <= 3


class Counted:
    """A transport that counts what is written to it."""

    def __init__(self, transport: asyncio.Transport, writes: list[bytes]) -> None:
        self._transport = transport
        self._writes = writes

    def write(self, data: bytes) -> None:
        self._writes.append(data)
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


@HANDLERS
def test_a_response_is_one_write(serve: Serve, handler: Any) -> None:
    writes: list[bytes] = []

    class Watched(HTTP1):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(Counted(transport, writes))  # type: ignore[arg-type]

    async def large(request: Request) -> Response:
        return Response(bytes(100_000), headers={"x": "y"})

    with serve({"/": handler, "/large": large}, protocol=Watched).connect() as client:
        client.send(get() * 3 + get("/none") + get("/large") + get("/", method="HEAD"))
        assert [answer.status for answer in client.answers(5)] == [200, 200, 200, 404, 200]
        client.answer("HEAD")
        assert len(writes) == 6
