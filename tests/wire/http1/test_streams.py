"""Responses made while they are sent: chunked, until close, broken off, closed with the client."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from stanchion.errors import Conflict
from stanchion.http.request import Request
from stanchion.http.response import Response, Stream
from stanchion.http.sse import Event, EventStream
from tests.wire.client import chunked, get
from tests.wire.conftest import Serve
from tests.wire.handlers import hello
from tests.wire.live import until


class Source:
    """An async iterator that says what became of it."""

    def __init__(self, *parts: Any, pause: float = 0, then: BaseException | None = None) -> None:
        self._parts = parts
        self._pause = pause
        self._then = then
        self.state: list[str] = []

    async def parts(self) -> AsyncIterator[Any]:
        self.state.append("started")
        try:
            for part in self._parts:
                yield part
                await asyncio.sleep(self._pause)
            if self._then is not None:
                raise self._then
        finally:
            await asyncio.sleep(0)
            self.state.append("closed")

    async def handler(self, request: Request) -> Response:
        return Stream(self.parts(), media_type="text/plain", headers={"X-Kind": "stream"})


def test_a_stream_is_chunked_and_keeps_the_connection(serve: Serve) -> None:
    source = Source(b"one", "zwölf", b"", bytes(100_000), pause=0.001)
    with serve({"/": source.handler, "/next": hello}).connect() as client:
        answer = client.send(get() + get("/next")).answer()
        assert (answer.headers["transfer-encoding"], answer.headers["x-kind"]) == ("chunked", "stream")
        assert answer.body == "onezwölf".encode() + bytes(100_000)
        assert client.answer().body == b"hello"
    assert source.state == ["started", "closed"]


def test_an_empty_stream(serve: Serve) -> None:
    with serve({"/": Source().handler, "/next": hello}).connect() as client:
        assert client.send(get() + get("/next")).answer().body == b""
        assert client.answer().body == b"hello"


def test_chunks_leave_as_they_are_made(serve: Serve) -> None:
    with serve({"/": Source(b"one", b"two", pause=0.1).handler}).connect() as client:
        client.send(get())
        assert client.until(b"3\r\none\r\n")
        assert client.silent(0.03)
        assert client.until(b"3\r\ntwo\r\n0\r\n\r\n")


@pytest.mark.parametrize("keep", ["", "connection: keep-alive\r\n"])
def test_http_1_0_gets_a_stream_until_close(serve: Serve, keep: str) -> None:
    with serve({"/": Source(b"one", b"two").handler}).connect() as client:
        answer = client.send(f"GET / HTTP/1.0\r\n{keep}\r\n".encode()).last_answer()
        assert (answer.body, answer.closes) == (b"onetwo", True)
        assert "transfer-encoding" not in answer.headers


def test_connection_close_after_a_stream(serve: Serve) -> None:
    with serve({"/": Source(b"one").handler}).connect() as client:
        answer = client.send(get("/", "connection: close")).last_answer()
        assert (answer.body, answer.closes) == (b"one", True)


def test_head_of_a_stream(serve: Serve) -> None:
    class Cursor:
        closed = 0

        def __aiter__(self) -> "Cursor":
            return self

        async def __anext__(self) -> bytes:
            raise AssertionError("nobody asked for the body")

        async def aclose(self) -> None:
            Cursor.closed += 1

    async def stream(request: Request) -> Response:
        return Stream(Cursor())

    with serve({"/": stream, "/next": hello}).connect() as client:
        answer = client.send(get(method="HEAD") + get("/next")).answer("HEAD")
        assert answer.headers["transfer-encoding"] == "chunked"
        assert client.answer().body == b"hello"
    assert Cursor.closed == 1


@pytest.mark.parametrize("error", [RuntimeError("secret"), Conflict("secret"), asyncio.CancelledError()], ids=repr)
def test_an_error_in_a_stream_breaks_the_connection(serve: Serve, error: BaseException) -> None:
    source = Source(b"one", then=error)
    live = serve({"/": source.handler})
    with live.connect() as client:
        received = client.send(get()).rest_or_reset()
        assert received.endswith(b"3\r\none\r\n")
        assert b"secret" not in received
    assert source.state == ["started", "closed"]
    until(lambda: live.tasks() == [])
    assert len(live.logged()) == 1


def test_an_error_before_the_first_chunk_breaks_it_as_well(serve: Serve) -> None:
    live = serve({"/": Source(then=RuntimeError("early")).handler})
    with live.connect() as client:
        assert not client.send(get()).rest_or_reset().endswith(b"0\r\n\r\n")
    assert len(live.logged()) == 1


def test_a_chunk_that_is_no_bytes_breaks_it_too(serve: Serve) -> None:
    live = serve({"/": Source(b"one", 7).handler})
    with live.connect() as client:
        assert client.send(get()).rest_or_reset().endswith(b"3\r\none\r\n")
    assert len(live.logged()) == 1


@pytest.mark.parametrize("leave", ["close", "reset", "end"])
@pytest.mark.parametrize("parts", [[b"one"], [bytes(16_384)] * 100_000], ids=["waiting", "blocked"])
def test_the_source_is_closed_when_the_client_leaves(serve: Serve, leave: str, parts: list[bytes]) -> None:
    source = Source(*parts, pause=10 if len(parts) == 1 else 0)
    live = serve({"/": source.handler})
    with live.connect() as client:
        client.send(get())
        client.until(b"\r\n\r\n")
        getattr(client, leave)()
        until(lambda: source.state == ["started", "closed"])
        until(lambda: live.connections() == 0)
        assert live.tasks() == []


def test_a_stream_may_answer_while_the_body_arrives(serve: Serve) -> None:
    async def upper(request: Request) -> Response:
        async def shout() -> AsyncIterator[bytes]:
            async for chunk in request.chunks():
                yield chunk.upper()

        return Stream(shout())

    with serve({"/": upper}).connect() as client:
        client.send(chunked("/", b"one", end=b""))
        assert client.until(b"3\r\nONE\r\n")
        client.send(b"3\r\ntwo\r\n0\r\n\r\n")
        assert client.until(b"3\r\nTWO\r\n0\r\n\r\n")
        assert client.rest() == b""


def test_http_1_0_may_be_answered_while_its_body_arrives(serve: Serve) -> None:
    async def upper(request: Request) -> Response:
        return Stream(request.chunks())

    with serve({"/": upper}).connect() as client:
        client.send(b"POST / HTTP/1.0\r\nconnection: keep-alive\r\ncontent-length: 6\r\n\r\none")
        assert client.until(b"one")
        assert client.send(b"two").rest() == b"two"


def test_events(serve: Serve) -> None:
    source = Source(Event({"a": 1}, event="tick", id="7"), "two\nlines", pause=0.005)

    async def events(request: Request) -> Response:
        return EventStream(source.parts())

    with serve({"/": events}).connect() as client:
        answer = client.send(get()).answer()
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.body == b'event: tick\nid: 7\ndata: {"a":1}\n\ndata: two\ndata: lines\n\n'


def test_silent_events_are_kept_alive_and_end_with_their_client(serve: Serve) -> None:
    source = Source("first", pause=10)

    async def events(request: Request) -> Response:
        response = EventStream(source.parts())
        response.keep_alive = 0.02
        return response

    live = serve({"/": events})
    with live.connect() as client:
        client.send(get())
        assert client.until(b"data: first\n\n")
        assert client.until(b": keep-alive\n\n")
        assert source.state == ["started"]
    until(lambda: source.state == ["started", "closed"])
    until(lambda: live.tasks() == [])


def test_an_inline_handler_may_return_a_stream(serve: Serve) -> None:
    source = Source(b"one", b"two")

    def stream(request: Request) -> Response:
        return Stream(source.parts())

    with serve({"/": stream, "/next": hello}).connect() as client:
        client.send(get() + get("/next"))
        assert [answer.body for answer in client.answers(2)] == [b"onetwo", b"hello"]
