"""Event streams: encoding by a reader written from the standard, and what happens at both ends."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.http.sse import AHEAD, KEEP_ALIVE, Event, EventStream, encode

text = st.text(st.characters(codec="utf-8") | st.sampled_from("\r\n\u2028\x0b\0: "))
names = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"))


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 10))


def parse(stream: bytes) -> list[tuple[str, str, str]]:
    """What a browser dispatches: (type, data, last event id), by WHATWG HTML §9.2.6."""
    events = []
    kind = data = last_id = ""
    lines = stream.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for line in lines[:-1]:
        if not line:
            if data:
                events.append((kind or "message", data.removesuffix("\n"), last_id))
            kind = data = ""
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            kind = value
        elif field == "data":
            data += value + "\n"
        elif field == "id" and "\0" not in value:
            last_id = value
    return events


def normal(value: str) -> str:
    return value.replace("\r\n", "\n").replace("\r", "\n")


@given(text, st.none() | names, st.none() | names)
def test_an_event_is_read_as_written(data: str, kind: str | None, event_id: str | None) -> None:
    stream = encode(Event(data, event=kind, id=event_id))
    assert parse(stream) == [(kind or "message", normal(data), event_id or "")]


@given(st.lists(text))
def test_text_cannot_forge_events(lines: list[str]) -> None:
    stream = b"".join(encode(line) for line in lines)
    assert parse(stream) == [("message", normal(line), "") for line in lines]


@pytest.mark.parametrize(
    ("item", "lines"),
    [
        ("a\r\nb\rc\n", b"data: a\ndata: b\ndata: c\ndata: \n\n"),
        ("a\u2028b", "data: a\u2028b\n\n".encode()),
        ({"a": "x\ny"}, b'data: {"a":"x\\ny"}\n\n'),
        (None, b"data: null\n\n"),
        (7, b"data: 7\n\n"),
        (Event([1], event="tick", id="42", retry=3000), b"event: tick\nid: 42\nretry: 3000\ndata: [1]\n\n"),
        (Event(None), b"data: null\n\n"),
        (Event(id=""), b"id: \n\n"),
        (Event(retry=0), b"retry: 0\n\n"),
    ],
)
def test_the_bytes_of_an_event(item: Any, lines: bytes) -> None:
    assert encode(item) == lines


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\0b", "x\n\ndata: forged"])
def test_a_type_or_id_that_could_forge_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="line ends"):
        Event("x", event=value)
    with pytest.raises(ValueError, match="line ends"):
        Event("x", id=value)


def test_retry_is_not_negative() -> None:
    with pytest.raises(ValueError, match="milliseconds"):
        Event("x", retry=-1)


def test_the_head_keeps_caches_and_buffers_away() -> None:
    given = {"cache-control": "no-store", "X-Mine": "1"}
    stream = EventStream(source(), headers=given)
    assert stream.media_type == "text/event-stream"
    assert stream.headers == {"X-Accel-Buffering": "no", "cache-control": "no-store", "X-Mine": "1"}
    assert given == {"cache-control": "no-store", "X-Mine": "1"}
    assert EventStream(source()).headers == {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


async def source(*items: Any) -> AsyncIterator[Any]:
    for item in items:
        yield item


def test_the_stream_ends_with_its_source() -> None:
    async def main() -> None:
        stream = EventStream(source("a", {"b": 1}, Event("c", id="3")))
        chunks = [chunk async for chunk in stream.chunks()]
        assert parse(b"".join(chunks)) == [
            ("message", "a", ""),
            ("message", '{"b":1}', ""),
            ("message", "c", "3"),
        ]
        assert [chunk async for chunk in EventStream(source()).chunks()] == []

    run(main())


def test_an_event_is_sent_as_soon_as_it_is_made() -> None:
    async def main() -> None:
        go_on = asyncio.Event()

        async def slow() -> AsyncIterator[str]:
            yield "first"
            await go_on.wait()
            yield "second"

        chunks = EventStream(slow()).chunks()
        assert await anext(chunks) == b"data: first\n\n"
        go_on.set()
        assert [chunk async for chunk in chunks] == [b"data: second\n\n"]

    run(main())


def test_silence_is_broken_by_comments_and_the_source_is_left_alone() -> None:
    async def main() -> None:
        go_on = asyncio.Event()
        cancelled = False

        async def quiet() -> AsyncIterator[str]:
            nonlocal cancelled
            try:
                await go_on.wait()
            except asyncio.CancelledError:
                cancelled = True
                raise
            yield "at last"

        chunks = EventStream(quiet(), keep_alive=0.001).chunks()
        for _ in range(3):
            assert await anext(chunks) == KEEP_ALIVE
        go_on.set()
        rest = [chunk async for chunk in chunks]
        assert parse(b"".join(rest)) == [("message", "at last", "")]
        assert not cancelled

    run(main())


def test_a_comment_is_no_event() -> None:
    assert parse(KEEP_ALIVE + encode("a") + KEEP_ALIVE) == [("message", "a", "")]


def test_the_source_runs_ahead_by_a_bounded_number_of_bytes() -> None:
    async def main() -> None:
        made = 0

        async def endless() -> AsyncIterator[str]:
            nonlocal made
            while True:
                made += 1
                yield "x" * 1000

        chunks = EventStream(endless()).chunks()
        first = await anext(chunks)
        for _ in range(100):
            await asyncio.sleep(0)
        assert AHEAD < len(first) < AHEAD + 2000
        assert made <= 2 * (AHEAD // 1000 + 2)
        await chunks.aclose()

    run(main())


@pytest.mark.parametrize("where", ["waiting", "yielded", "full"])
def test_a_client_that_goes_away_closes_the_source(where: str) -> None:
    async def main() -> None:
        ended: list[str] = []

        async def endless() -> AsyncIterator[str]:
            try:
                yield "first"
                while where == "full":
                    yield "x" * AHEAD
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                ended.append("cancelled")
                raise
            finally:
                await asyncio.sleep(0)  # clean-up may await
                ended.append("closed")

        chunks = EventStream(endless()).chunks()
        await anext(chunks)
        if where == "waiting":
            for _ in range(5):
                await asyncio.sleep(0)
        await chunks.aclose()
        assert ended[-1] == "closed"
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())


def test_a_source_lives_in_one_task_so_that_timeouts_work_across_events() -> None:
    async def main() -> None:
        tasks = set()

        async def timed() -> AsyncIterator[int]:
            async with asyncio.timeout(60), asyncio.TaskGroup():
                for number in range(3):
                    tasks.add(asyncio.current_task())
                    yield number
                    await asyncio.sleep(0)
            tasks.add(asyncio.current_task())

        chunks = [chunk async for chunk in EventStream(timed()).chunks()]
        assert len(parse(b"".join(chunks))) == 3
        assert len(tasks) == 1

    run(main())


def test_an_error_of_the_source_comes_after_its_events() -> None:
    async def main() -> None:
        async def failing() -> AsyncIterator[Any]:
            yield "good"
            raise LookupError("gone")

        chunks = EventStream(failing()).chunks()
        assert await anext(chunks) == b"data: good\n\n"
        with pytest.raises(LookupError, match="gone"):
            await anext(chunks)

    run(main())


def test_data_that_is_not_json_is_an_error() -> None:
    async def main() -> None:
        with pytest.raises(TypeError):
            await anext(EventStream(source(object())).chunks())

    run(main())


def test_a_source_cancelled_from_within_is_no_silence() -> None:
    async def main() -> None:
        async def broken() -> AsyncIterator[str]:
            raise asyncio.CancelledError
            yield ""

        with pytest.raises(RuntimeError, match="was cancelled"):
            await anext(EventStream(broken()).chunks())

    run(main())
