"""A client that goes away takes its handler with it, quickly and quietly."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from stanchion.errors import Conflict
from stanchion.http.request import Request
from stanchion.http.response import Response
from tests.wire.client import Client, chunked, get, post
from tests.wire.conftest import Serve
from tests.wire.handlers import Asleep, echo, hello, path_later, swallow
from tests.wire.live import ANY, endpoint, until

LEAVE: dict[str, Callable[[Client], Any]] = {"close": Client.close, "reset": Client.reset, "end": Client.end}
WAYS = pytest.mark.parametrize("leave", LEAVE.values(), ids=LEAVE.keys())


@WAYS
@pytest.mark.parametrize("message", [get(), post("/", b"hello"), post("/", b"hello")[:-1], chunked("/", b"a", end=b"")])
def test_the_handler_is_cancelled(serve: Serve, leave: Callable[[Client], Any], message: bytes) -> None:
    asleep = Asleep()
    live = serve({"/": asleep.handler()})
    with live.connect() as client:
        client.send(message)
        until(lambda: asleep.started == 1)
        left = time.monotonic()
        leave(client)
        until(lambda: asleep.cancelled == 1)
        assert time.monotonic() - left < 2
        until(lambda: live.connections() == 0)
        assert live.tasks() == []


@WAYS
@pytest.mark.parametrize("handler", [echo, swallow])
def test_a_handler_that_waits_for_the_body_is_cancelled(
    serve: Serve, handler: Any, leave: Callable[[Client], Any]
) -> None:
    live = serve({"/": handler})
    with live.connect() as client:
        client.send(post("/", b"hello")[:-1])
        until(lambda: len(live.tasks()) == 1)
        leave(client)
        until(lambda: live.tasks() == [])
        until(lambda: live.connections() == 0)


@WAYS
def test_pipelined_requests_are_forgotten(serve: Serve, leave: Callable[[Client], Any]) -> None:
    asleep = Asleep()
    live = serve({ANY: asleep.handler()})
    with live.connect() as client:
        client.send(get() * 10)
        until(lambda: asleep.started == 1)
        leave(client)
        until(lambda: live.connections() == 0)
        assert (asleep.started, asleep.cancelled) == (1, 1)


def test_a_half_closed_client_gets_a_fast_answer(serve: Serve) -> None:
    live = serve({ANY: path_later, "/echo": echo})
    with live.connect() as client:
        client.send(get("/?0.02")).end()
        assert client.last_answer().body == b"/"
    with live.connect() as client:
        client.send(get("/1?0") + get("/2?0") + post("/echo", b"hello")).end()
        assert [answer.body for answer in client.answers(2)] == [b"/1", b"/2"]
        assert client.last_answer().status == 200
    with live.connect() as client:
        assert client.send(get("/?0.02") + b"nonsense\r\n\r\n").end().answer().status == 200
        assert client.last_answer().status == 400
    until(lambda: live.connections() == 0)


def test_a_half_closed_client_may_read_a_large_answer_slowly(serve: Serve) -> None:
    async def large(request: Request) -> Response:
        return Response(bytes(12 << 20))

    with serve({"/": large}).connect(receive_buffer=65_536) as client:
        client.send(get()).end()
        time.sleep(0.15)
        assert len(client.last_answer().body) == 12 << 20


def test_a_half_closed_client_that_reads_nothing_is_cut(serve: Serve) -> None:
    async def large(request: Request) -> Response:
        return Response(bytes(12 << 20))

    live = serve({"/": large}, write_timeout=0.5)
    with live.connect(receive_buffer=65_536) as client:
        client.send(get()).end()
        until(lambda: live.call(lambda: live.server.statistics()["write"]) == 1)
        until(lambda: live.connections() == 0)
        assert client.cut()


def test_half_a_request_then_nothing(serve: Serve) -> None:
    live = serve({"/": hello})
    with live.connect() as client:
        assert client.send(get()[:-2]).end().rest() == b""
    with live.connect() as client:
        assert client.end().rest() == b""
    until(lambda: live.connections() == 0)


def test_a_body_that_ends_early_is_refused(serve: Serve) -> None:
    live = serve({"/": echo})
    for message in (post("/", b"hello")[:-1], chunked("/", b"hello", end=b"")):
        with live.connect() as client:
            answer = client.send(message).end().last_answer()
            assert (answer.status, answer.closes) == (400, True)


def test_shielded_work_finishes(serve: Serve) -> None:
    finished: list[bool] = []

    async def work() -> None:
        await asyncio.sleep(0.2)
        finished.append(True)

    kept: set[Any] = set()

    async def shielding(request: Request) -> Response:
        task = asyncio.create_task(work())
        kept.add(task)
        await asyncio.shield(task)
        return Response(b"")

    live = serve({"/": shielding})
    live.connect().send(get()).close()
    until(lambda: live.connections() == 0 and bool(kept))
    assert finished == []
    until(lambda: finished == [True])


def test_a_handler_may_swallow_its_cancellation(serve: Serve) -> None:
    swallowed: list[bool] = []

    async def stubborn(request: Request) -> Response:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            swallowed.append(True)
        return Response(b"too late")

    live = serve({"/": stubborn, "/next": hello})
    with live.connect() as client:
        client.send(get() + get("/next"))
        until(lambda: len(live.tasks()) == 1)
    until(lambda: swallowed == [True] and live.tasks() == [])
    assert live.connections() == 0


def test_a_handler_that_fails_after_its_client_left_is_logged_once(serve: Serve) -> None:
    async def failing(request: Request) -> Response:
        try:
            await asyncio.sleep(10)
        finally:
            raise RuntimeError("the clean-up failed")

    live = serve({"/": failing})
    with live.connect() as client:
        client.send(get())
        until(lambda: len(live.tasks()) == 1)
    until(lambda: live.tasks() == [])
    (record,) = live.logged()
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "the clean-up failed"


def test_an_http_error_after_the_client_left_is_nobodys_business(serve: Serve) -> None:
    async def failing(request: Request) -> Response:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            raise Conflict from None
        return Response(b"")

    live = serve({"/": failing})
    with live.connect() as client:
        client.send(get())
        until(lambda: len(live.tasks()) == 1)
    until(lambda: live.tasks() == [])
    assert live.logged() == []


def test_a_client_that_leaves_with_a_paused_body_is_noticed_when_the_body_is_wanted(serve: Serve) -> None:
    wanted = asyncio.Event()

    async def late(request: Request) -> Response:
        await wanted.wait()
        return await swallow(request)

    live = serve({"/": endpoint(late, max_body=1 << 30)})
    client = live.connect()
    client.send_until_blocked(post("/", bytes(50 << 20)), 0.1)
    client.reset()
    live.call(wanted.set)
    until(lambda: live.connections() == 0 and live.tasks() == [])
    assert live.logged() == []
