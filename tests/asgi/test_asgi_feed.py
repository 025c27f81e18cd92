"""The hand-over between an app that sends and a connection that takes."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.asgi.feed import Feed


def nothing() -> None:
    pass


@given(st.lists(st.binary(max_size=50_000), max_size=20))
def test_everything_arrives_in_order(chunks: list[bytes]) -> None:
    async def run() -> list[bytes]:
        feed = Feed(nothing)

        async def put() -> None:
            for chunk in chunks:
                await feed.put(chunk, more=True)
            await feed.put(b"", more=False)

        putting = asyncio.create_task(put())
        got = [chunk async for chunk in feed]
        await putting
        return got

    assert asyncio.run(run()) == [*chunks, b""]


def test_a_writer_waits_for_room_and_is_released_by_the_end() -> None:
    async def run() -> list[str]:
        told: list[str] = []
        feed = Feed(lambda: told.append("left"))
        writer = asyncio.create_task(feed.put(bytes(100_000), more=True))
        await asyncio.sleep(0)
        assert (writer.done(), repr(feed)) == (False, "<Feed open, 100000 bytes waiting>")
        await feed.aclose()
        await writer
        await feed.aclose()
        return told

    assert asyncio.run(run()) == ["left"]


def test_a_failure_comes_after_what_was_put_in() -> None:
    async def run() -> bytes:
        feed = Feed(nothing)
        await feed.put(b"before", more=True)
        feed.fail(KeyError("broken"))
        first = await anext(feed)
        with pytest.raises(KeyError, match="broken"):
            await anext(feed)
        return first

    assert asyncio.run(run()) == b"before"


def test_closing_after_the_end_is_no_leaving() -> None:
    async def run() -> list[str]:
        told: list[str] = []
        feed = Feed(lambda: told.append("left"))
        await feed.put(b"all", more=False)
        await feed.aclose()
        return told

    assert asyncio.run(run()) == []
