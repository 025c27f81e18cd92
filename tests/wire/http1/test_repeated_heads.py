"""A header block that repeats is compared instead of parsed; nothing else may tell the difference."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stanchion.wire.http1.protocol import HTTP1
from tests.wire.client import chunked, get, post
from tests.wire.conftest import Serve
from tests.wire.handlers import echo, hello, path_of
from tests.wire.live import ANY, endpoint
from tests.wire.memory import Stage, comparable

BLOCKS = [
    b"\r\nhost: a\r\n\r\n",
    b"\r\nhost: a\r\nx: 1\r\n\r\n",
    b"\r\nhost: a\r\nconnection: keep-alive\r\n\r\n",
    b"\r\n\r\n",
]
LINES = [
    b"GET /a HTTP/1.1",
    b"GET /b?c=d HTTP/1.1",
    b"HEAD /a HTTP/1.1",
    b"POST /a HTTP/1.1",
    b"GET /a HTTP/1.0",
    b"GET  /a HTTP/1.1",
    b"GET /a  HTTP/1.1",
    b"GET /a#b HTTP/1.1",
    b"GET http://a/x HTTP/1.1",
    b"OPTIONS * HTTP/1.1",
    b"get /a HTTP/1.1",
    b"GET /\xff HTTP/1.1",
    b"GET /\x7f HTTP/1.1",
    b"GET /a\tb HTTP/1.1",
    b"GET /%zz HTTP/1.1",
    b"GET /" + b"a" * 1100 + b" HTTP/1.1",
    b"GET /a HTTP/1.1\r\nhost: b",
    b"GET /a HTTP/1.1\r\nx: y",
    b"P",
    b"\r\nGET /a HTTP/1.1",
]
PARTS = [line + block for line in LINES for block in BLOCKS] + [
    b"P",
    b"GE",
    b"\r\n",
    b"GET /a HTTP/1.1\r\nho",
    b"st: a\r\n\r\n",
    get("/a") + get("/a"),
    post("/a", b"body"),
    post("/b", b"another body"),
    post("/a", b""),
    post("/a", b"body") + b"\r\n",
    post("/a", b"body") + get("/b"),
    post("/a", b"body")[:-1],
    post("/a", b"x" * 12, "x: 1"),
    get("/a", "content-length: 5", "x: 1", method="PUT") + b"12345",
    get("/a", "x: 1", "Content-Length:  005  ", method="PUT") + b"12345",
    get("/a", "x: content-length: 5", "content-length: 5", method="PUT") + b"12345",
    get("/a", "content-length: 5", "expect: 100-continue", method="PUT") + b"12345",
    get("/a", "connection: upgrade", "upgrade: x"),
    get("/a", "content-length: 5", "content-length: 5", method="PUT") + b"12345",
    get("/a", "content-length: +5", method="PUT") + b"12345",
    post("/a", b"\r\n\r\n"),
    chunked("/a", b"x"),
    get("/a", "connection: close"),
]
many_of_few = st.lists(st.sampled_from(PARTS), max_size=4).flatmap(
    lambda few: st.lists(st.sampled_from([*few, get("/a"), get("/b")]), max_size=8)
)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    stage = Stage(max_request_line=1024)
    yield stage
    stage.close()


@settings(max_examples=500, deadline=None)
@given(many_of_few)
def test_it_is_answered_as_if_parsed(stage: Stage, parts: list[bytes]) -> None:
    quick = stage.play(parts)
    parsed = stage.play([part[n : n + 1] for part in parts for n in range(len(part))])  # bytes alone never repeat
    assert comparable(quick.written) == comparable(parsed.written)
    assert (quick.seen, quick.ended) == (parsed.seen, parsed.ended)


def test_it_is_not_parsed(serve: Serve, monkeypatch: Any) -> None:
    parsed = []
    on_headers_complete = HTTP1.on_headers_complete
    monkeypatch.setattr(HTTP1, "on_headers_complete", lambda self: parsed.append(1) or on_headers_complete(self))
    with serve({ANY: path_of}).connect() as client:
        for n in range(5):
            client.send(get(f"/{n}", "accept: */*"))
            assert client.answer().body == b"/%d" % n
    assert len(parsed) == 1


def test_fields_are_those_of_the_request(serve: Serve) -> None:
    with serve({ANY: echo}).connect() as client:
        for value in ("1", "1", "2", "2", "1"):
            client.send(get("/", f"x: {value}"))
            assert f'"x":"{value}"'.encode() in client.answer().body


def test_a_limit_of_requests_holds(serve: Serve) -> None:
    with serve({ANY: hello}, max_requests_per_connection=3).connect() as client:
        for _ in range(2):
            client.send(get())
            assert not client.answer().closes
        client.send(get())
        assert client.last_answer().closes


def test_what_comes_while_one_is_answered_waits(serve: Serve) -> None:
    with serve({ANY: echo}).connect() as client:
        client.send(get("/1"))
        client.answer()
        for n in range(50):
            client.send(get(f"/{n}"))
        assert [f'"path":"/{n}"'.encode() in answer.body for n, answer in enumerate(client.answers(50))] == [True] * 50


def test_a_body_over_its_limit_is_refused_all_the_same(serve: Serve) -> None:
    with serve({ANY: endpoint(echo, max_body=10)}).connect() as client:
        client.send(post("/", b"x" * 9))
        assert client.answer().status == 200
        client.send(post("/", b"x" * 10))
        assert b"xxxxxxxxxx" in client.answer().body
        client.send(post("/", b"x" * 11))
        assert client.last_answer().status == 413
