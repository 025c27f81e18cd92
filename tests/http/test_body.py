"""The body of a request: whole or in chunks, with back-pressure, one reader."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from stanchion.errors import BadRequest
from stanchion.http.body import Body

HIGH_WATER = 10


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 10))


async def step() -> None:
    """Let the other tasks go as far as they can."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_reads_what_has_arrived_without_asking_for_more(wire) -> None:
    async def main() -> None:
        body = Body(wire, HIGH_WATER)
        body.feed(b"ab")
        body.feed(b"cd")
        body.finish()
        assert await body.read() == b"abcd"
        assert wire.asked == []
        assert await body.read() == b"abcd"  # a hook may have read it before the handler
        assert (body.received, body.complete) == (4, True)

    run(main())


def test_reading_invites_the_body_and_waits_for_its_end(wire) -> None:
    async def main() -> None:
        body = Body(wire, HIGH_WATER)
        reader = asyncio.create_task(body.read())
        await step()
        assert set(wire.asked) == {"invite"}
        for chunk in (b"a", b"b"):
            body.feed(chunk)
            await step()
        assert not reader.done()
        body.finish()
        assert await reader == b"ab"

    run(main())


def test_a_body_nobody_reads_pauses_its_feeder_once(wire) -> None:
    body = Body(wire, HIGH_WATER)
    for _ in range(3):
        body.feed(b"12345678")
    assert wire.asked == ["pause"]


def test_a_reader_of_the_whole_lifts_the_bound(wire) -> None:
    async def main() -> None:
        body = Body(wire, HIGH_WATER)
        body.feed(b"x" * 11)
        reader = asyncio.create_task(body.read())
        await step()
        assert [asked for asked in wire.asked if asked != "invite"] == ["pause", "resume"]
        for _ in range(10):
            body.feed(b"x" * 11)
        body.finish()
        assert len(await reader) == 121
        assert wire.asked.count("pause") == 1

    run(main())


def test_the_whole_can_be_wanted_first_and_taken_when_it_is_there(wire) -> None:
    body = Body(wire, HIGH_WATER)
    body.feed(b"x" * 11)
    body.want_all()
    assert wire.asked == ["pause", "invite", "resume"]
    body.feed(b"y" * 11)
    body.finish()
    assert body.take() == b"x" * 11 + b"y" * 11
    assert wire.asked == ["pause", "invite", "resume"]
    assert body.take() == b"x" * 11 + b"y" * 11


def test_chunks_come_as_fed_and_resume_the_feeder_when_all_are_taken(wire) -> None:
    async def main() -> None:
        body = Body(wire, HIGH_WATER)
        body.feed(b"123456")
        body.feed(b"789012")
        chunks = body.chunks()
        assert [await anext(chunks), await anext(chunks)] == [b"123456", b"789012"]
        assert wire.asked == ["pause"]
        third = asyncio.ensure_future(anext(chunks))
        await step()
        assert wire.asked == ["pause", "invite", "resume"]
        body.feed(b"end")
        body.finish()
        assert await third == b"end"
        assert [chunk async for chunk in chunks] == []

    run(main())


def test_what_arrived_before_a_failure_is_still_given(wire) -> None:
    async def main() -> None:
        body = Body(wire, HIGH_WATER)
        body.feed(b"ab")
        body.fail(BadRequest("cut off"))
        body.feed(b"never seen")
        chunks = body.chunks()
        assert await anext(chunks) == b"ab"
        with pytest.raises(BadRequest, match="cut off"):
            await anext(chunks)

    run(main())


@pytest.mark.parametrize("waiting", [True, False])
def test_a_failure_reaches_the_reader(wire, waiting: bool) -> None:
    async def main() -> None:
        body = Body(wire, HIGH_WATER)
        reader = asyncio.create_task(body.read())
        if waiting:
            await step()
        body.fail(BadRequest("cut off"))
        with pytest.raises(BadRequest, match="cut off"):
            await reader

    run(main())


def test_a_complete_body_cannot_fail(wire) -> None:
    async def main() -> None:
        body = Body(wire, HIGH_WATER)
        body.feed(b"all")
        body.finish()
        body.fail(ConnectionError())
        assert await body.read() == b"all"

    run(main())


def test_a_cancelled_reader_leaves_the_body_readable(wire) -> None:
    async def main() -> None:
        body = Body(wire, HIGH_WATER)
        reader = asyncio.create_task(body.read())
        await step()
        reader.cancel()
        await asyncio.wait([reader])
        body.feed(b"later")
        body.finish()
        assert await body.read() == b"later"

    run(main())


def test_a_second_reader_at_once_is_refused(wire) -> None:
    async def main() -> None:
        body = Body(wire, HIGH_WATER)
        first = asyncio.create_task(body.read())
        await step()
        with pytest.raises(RuntimeError, match="has a reader"):
            await body.read()
        body.finish()
        assert await first == b""

    run(main())


def test_tells_its_state(wire) -> None:
    body = Body(wire, HIGH_WATER)
    body.feed(b"abc")
    assert repr(body) == "<Body open, 3 bytes received, 3 waiting>"
    body.fail(BadRequest())
    assert repr(body).startswith("<Body failed")
