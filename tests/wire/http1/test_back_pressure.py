"""Neither a fast sender nor a slow reader makes the server hold more than its buffers."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from stanchion.http.request import Request
from stanchion.http.response import Response, Stream
from tests.wire.client import chunked, get, post
from tests.wire.conftest import Serve
from tests.wire.handlers import Asleep, swallow
from tests.wire.live import ANY, Live, endpoint, until

MiB = 1024 * 1024
HUGE = 100 * MiB
KERNEL = 16 * MiB
"""More than the kernel keeps of one loopback connection, both directions."""


def unsent(live: Live) -> int:
    """Bytes of responses the server's transports hold."""
    return live.call(lambda: sum(each.transport.get_write_buffer_size() for each in live.server.connections))


def held(live: Live) -> int:
    """Bytes of request bodies the server's connections hold."""

    def count() -> int:
        bodies = [connection._incoming for connection in live.server.connections]
        return sum(body.buffered for body in bodies if body is not None)

    return live.call(count)


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_nobody_reads_blocks_its_sender(serve: Serve, framing: str) -> None:
    live = serve({"/": endpoint(Asleep().handler(), max_body=HUGE)})
    message = post("/", bytes(HUGE)) if framing == "length" else chunked("/", *[bytes(65_536)] * (HUGE // 65_536))
    with live.connect() as client:
        assert client.send_until_blocked(message, 0.2) < KERNEL
        assert 65_536 < held(live) < MiB


def test_a_body_is_read_as_fast_as_it_is_consumed(serve: Serve) -> None:
    most = 0

    async def slowly(request: Request) -> Response:
        nonlocal most
        size = 0
        async for chunk in request.chunks():
            size += len(chunk)
            assert request.stream is not None
            most = max(most, request.stream.buffered)
            if size < 20 * MiB:
                await asyncio.sleep(0)
        return Response(b"%d" % size)

    with serve({"/": endpoint(slowly, max_body=HUGE)}).connect() as client:
        assert client.send(post("/", bytes(40 * MiB))).answer().body == b"%d" % (40 * MiB)
        assert most < MiB


def test_a_whole_body_may_be_larger_than_the_buffer(serve: Serve) -> None:
    async def whole(request: Request) -> Response:
        await asyncio.sleep(0.05)
        return Response(await request.body())

    body = bytes(range(256)) * 4096
    with serve({"/": endpoint(whole, max_body=len(body))}).connect() as client:
        assert client.send(post("/", body) + chunked("/", body[:70_000], body[70_000:])).answer().body == body
        assert client.answer().body == body


def test_a_paused_body_is_dropped_with_an_early_answer(serve: Serve) -> None:
    async def early(request: Request) -> Response:
        await asyncio.sleep(0.1)
        return Response(b"early")

    live = serve({"/": endpoint(early, max_body=HUGE)})
    with live.connect() as client:
        client.send(post("/", bytes(30 * MiB)))  # would block for ever if nobody read on
        assert client.answer().body == b"early"
        assert client.rest() == b""


async def _zeros(made: list[int]) -> AsyncIterator[bytes]:
    try:
        while True:
            made[0] += 1
            yield bytes(16_384)
    finally:
        made.append(-1)


def test_a_stream_waits_for_its_reader_and_is_cut_if_there_is_none(serve: Serve) -> None:
    made = [0]

    async def stream(request: Request) -> Response:
        return Stream(_zeros(made))

    live = serve({"/": stream}, write_timeout=1.5)
    with live.connect() as client:
        client.send(get())
        before = -1
        while before != made[0]:
            before = made[0]
            time.sleep(0.2)
        assert 0 < before < KERNEL / 16_384
        until(lambda: live.connections() == 0)
        assert (made, live.tasks()) == ([before, -1], [])


def test_a_slow_reader_is_not_cut(serve: Serve) -> None:
    async def large(request: Request) -> Response:
        return Response(bytes(12 * MiB))

    with serve({"/": large}, write_timeout=0.3).connect(receive_buffer=65_536) as client:
        client.send(get("/", "connection: close"))
        received, start = 0, time.monotonic()
        while time.monotonic() - start < 1:
            received += len(client.some(100_000))
            time.sleep(0.01)
        assert received > MiB
        assert len(client.rest()) + received > 12 * MiB


def test_who_pipelines_and_never_reads_is_cut(serve: Serve) -> None:
    handled = 0

    def large(request: Request) -> Response:
        nonlocal handled
        handled += 1
        return Response(bytes(200_000))

    live = serve({ANY: large}, write_timeout=0.1)
    with live.connect() as client:
        client.send_until_blocked(get() * 20_000, 0.1)
        assert unsent(live) < MiB
        until(lambda: live.connections() == 0)
        assert handled * 200_000 < 2 * KERNEL


def test_an_answer_below_the_high_water_mark_that_is_never_read_is_cut_too(serve: Serve) -> None:
    def large(request: Request) -> Response:
        return Response(bytes(20_000))

    live = serve({"/": large}, write_timeout=0.5, keep_alive_timeout=0.5, write_buffer=1024 * MiB)
    with live.connect(receive_buffer=4096) as client:
        client.send(get() * 500)
        until(lambda: unsent(live) > 0)
        until(lambda: live.connections() == 0)
        assert client.cut()


def test_after_a_pause_the_pipelined_rest_is_answered(serve: Serve) -> None:
    def large(request: Request) -> Response:
        return Response(bytes(100_000))

    with serve({ANY: large, "/size": swallow}).connect(receive_buffer=65_536) as client:
        client.send(get() * 200 + post("/size", b"abc"))
        time.sleep(0.1)
        assert {len(answer.body) for answer in client.answers(200)} == {100_000}
        assert client.answer().body == b"3"


def test_a_refusal_behind_a_large_answer_does_not_cut_its_slow_reader(serve: Serve) -> None:
    async def large(request: Request) -> Response:
        return Response(bytes(12 * MiB))

    live = serve({"/": large}, write_timeout=0.5)
    with live.connect(receive_buffer=65_536) as client:
        client.send(get() + b"nonsense\r\n\r\n")
        time.sleep(0.1)
        live.call(lambda: [setattr(each, "since", each.since - 2.1) for each in live.server.connections])
        time.sleep(0.2)
        assert len(client.answer().body) == 12 * MiB
        assert client.last_answer().status == 400
