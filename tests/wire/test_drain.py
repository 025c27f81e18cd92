"""Draining: nothing new is taken, what is owed is answered, and what takes too long is cancelled."""

import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import Future
from typing import Any

import pytest

from stanchion.http.request import Request
from stanchion.http.response import Response, Stream
from tests.wire.client import chunked, get, post
from tests.wire.conftest import Serve
from tests.wire.handlers import Asleep, echo, hello, path_later, path_of
from tests.wire.live import ANY, Live, endpoint, until


def drain(live: Live, timeout: float) -> "Future[None]":
    """Begin to drain; the future is done when it is over."""
    future = asyncio.run_coroutine_threadsafe(live.server.drain(timeout), live.loop)
    until(lambda: "draining" in live.call(lambda: repr(live.server)))
    return future


def test_idle_connections_are_closed_at_once(serve: Serve) -> None:
    live = serve({"/": hello})
    with live.connect() as fresh, live.connect() as used:
        assert used.send(get()).answer().status == 200
        until(lambda: live.connections() == 2)
        drain(live, 10).result(8)
        assert fresh.rest() == used.rest() == b""
        assert live.connections() == 0


def test_a_running_request_finishes_and_says_close(serve: Serve) -> None:
    live = serve({"/": path_later})
    with live.connect() as client:
        client.send(get("/?0.5"))
        until(lambda: len(live.tasks()) == 1)
        draining = drain(live, 10)
        answer = client.last_answer()
        assert (answer.status, answer.closes) == (200, True)
        draining.result(8)


def test_pipelined_requests_are_answered_and_only_the_last_says_close(serve: Serve) -> None:
    live = serve({"/": path_later, ANY: path_of})
    with live.connect() as client:
        client.send(get("/?0.5") + get("/2") + get("/3"))
        until(lambda: len(live.tasks()) == 1)
        draining = drain(live, 10)
        client.send(get("/4"))  # too late
        assert [(answer.body, answer.closes) for answer in client.answers(2)] == [(b"/", False), (b"/2", False)]
        answer = client.last_answer()
        assert (answer.body, answer.closes) == (b"/3", True)
        draining.result(8)


def test_a_request_whose_body_is_arriving_is_answered(serve: Serve) -> None:
    live = serve({"/": echo})
    with live.connect() as client:
        client.send(post("/", b"hello")[:-2])
        until(lambda: len(live.tasks()) == 1)
        drain(live, 10)
        answer = client.send(b"lo").last_answer()
        assert (answer.status, answer.closes) == (200, True)


def test_half_a_head_is_dropped(serve: Serve) -> None:
    live = serve({"/": hello})
    with live.connect() as client:
        client.send(get()[:-2])
        until(lambda: live.call(lambda: live.server.statistics()["head"]) == 1)
        drain(live, 10).result(8)
        assert client.rest() == b""


def test_after_the_timeout_handlers_are_cancelled_with_503(serve: Serve) -> None:
    asleep = Asleep()
    live = serve({"/": asleep.handler()})
    with live.connect() as first, live.connect() as second:
        first.send(get() + get())
        second.send(get(method="HEAD"))
        until(lambda: asleep.started == 2)
        draining = drain(live, 0.05)
        for client, method in ((first, "GET"), (second, "HEAD")):
            answer = client.answer(method)
            assert (answer.status, answer.headers["retry-after"], answer.closes) == (503, "1", True)
            assert client.rest() == b""
        draining.result(8)
        assert (asleep.cancelled, live.tasks(), live.connections()) == (2, [], 0)


def test_a_stream_that_outlasts_the_timeout_is_broken_off(serve: Serve) -> None:
    async def for_ever() -> AsyncIterator[bytes]:
        while True:
            yield b"more"
            await asyncio.sleep(0.01)

    async def stream(request: Request) -> Response:
        return Stream(for_ever())

    live = serve({"/": stream})
    with live.connect() as client:
        client.send(get())
        client.until(b"more\r\n")
        drain(live, 0.05).result(8)
        assert not client.rest_or_reset().endswith(b"0\r\n\r\n")
        assert live.tasks() == []


def test_whatever_the_connections_are_doing_the_drain_ends(serve: Serve) -> None:
    async def large(request: Request) -> Response:
        return Response(bytes(12 << 20))

    async def stubborn(request: Request) -> Response:
        while True:
            try:
                await asyncio.sleep(0.3)
                return Response(b"")
            except asyncio.CancelledError:
                continue

    asleep = Asleep()
    live = serve({"/": endpoint(asleep.handler(), max_body=1 << 30), "/large": large, "/stubborn": stubborn})
    messages: list[Any] = [
        b"nonsense\r\n\r\n",  # lingering
        get("/large"),  # not read
        get("/large", "connection: close"),
        get("/large") + b"nonsense\r\n\r\n",
        get() * 3,
        get() + b"nonsense\r\n\r\n",
        post("/", bytes(1 << 20)),  # its body paused
        get("/stubborn"),
        get()[:-2],
        b"",
    ]
    clients = [live.connect(receive_buffer=65_536) for _ in messages]
    for client, message in zip(clients, messages, strict=True):
        client.send(message)
    until(lambda: asleep.started == 3)
    time.sleep(0.05)
    drain(live, 0.05).result(8)
    until(lambda: live.connections() == 0)
    assert asleep.started == asleep.cancelled == 3
    until(lambda: live.tasks() == [])
    for client in clients:
        client.close()


def test_who_has_connected_just_before_is_served_once(serve: Serve) -> None:
    asleep = Asleep()
    live = serve({"/": asleep.handler(), "/hello": hello})
    with live.connect() as running:
        running.send(get())
        until(lambda: asleep.started == 1)
        draining = drain(live, 2)
        with live.connect() as late:
            answer = late.send(get("/hello")).last_answer()
            assert (answer.status, answer.closes) == (200, True)
        draining.result(8)


def test_a_request_on_its_way_while_the_drain_begins_is_answered(serve: Serve) -> None:
    live = serve({"/": hello})
    with live.connect() as client:
        assert client.send(get()).answer().closes is False
        draining = drain(live, 10)
        answer = client.send(get()).last_answer()
        assert (answer.status, answer.closes) == (200, True)
        draining.result(8)


def test_a_quiet_connection_is_closed_sooner_than_one_just_used(serve: Serve) -> None:
    live = serve({"/": hello}, keep_alive_timeout=0.4)  # sweeps ten times a second
    with live.connect() as used:
        used.send(get()).answer()
        began = time.monotonic()
        drain(live, 10).result(8)
        assert used.rest() == b""
        assert time.monotonic() - began > 0.25


def test_an_heir_gets_the_connections_that_owe_nothing(serve: Serve) -> None:
    live = serve({"/": hello, "/later": path_later})
    given: list[Any] = []

    def heir(connection: Any) -> bool:
        given.append(connection)
        connection.transport.abort()
        return True

    with live.connect() as idle, live.connect() as busy, live.connect() as half:
        idle.send(get()).answer()
        busy.send(get("/later?0.5"))
        half.send(get()[:2])  # the parser holds it: not to be given away
        until(lambda: live.connections() == 3 and len(live.tasks()) == 1)
        future = asyncio.run_coroutine_threadsafe(live.server.drain(10, heir), live.loop)
        assert idle.rest() == b""
        assert busy.answer().closes is False
        assert busy.rest() == b""
        half.send(get()[2:])
        answer = half.last_answer()
        assert (answer.status, answer.closes) == (200, True)
        future.result(8)
    assert len(given) == 2


@pytest.mark.parametrize(
    "parts",
    [[get() * 3], [post("/echo", b"hello")[:-5], b"hello"], [chunked("/echo", b"a", b"b")], [get() + b"\r\n"]],
    ids=["pipelined", "body apart", "chunked", "blank line behind"],
)
def test_a_connection_can_be_given_away_however_its_requests_came(serve: Serve, parts: list[bytes]) -> None:
    live = serve({"/": hello, "/echo": endpoint(echo, max_body=100)})
    with live.connect() as client:
        for part in parts:
            client.send(part)
            time.sleep(0.02)
        client.answers(3 if parts[0].startswith(get() * 3) else 1)
        until(lambda: live.call(lambda: [connection.movable for connection in live.server.connections]) == [True])
        client.send(get()[:1])
        until(lambda: live.call(lambda: [connection.movable for connection in live.server.connections]) == [False])
