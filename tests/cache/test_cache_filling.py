"""Streamed bodies on their way into the cache: whole for all, too large, too slow, broken off, and of no use."""

import asyncio
import gc
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from stanchion import App, Cache, Request, Response, Stream
from stanchion.cache import fetching
from stanchion.cache.filling import Filling
from stanchion.testing import Client as InMemory
from tests.cache.clock import Clock
from tests.wire.client import Client, get
from tests.wire.live import LOOPS, until
from tests.wire.serving import Serving

LARGEST = 64 * 1024
PIECE = b"0123456789abcdef" * 256


class Source:
    """Gives pieces; waits where it is told to, and writes down its end."""

    def __init__(self, count: int, *, wait_at: int = -1, error: Exception | None = None) -> None:
        self.count = count
        self.wait_at = wait_at
        self.error = error
        self.given = 0
        self.go_on = asyncio.Event()
        self.ended = threading.Event()

    async def pieces(self) -> AsyncIterator[bytes]:
        try:
            for number in range(self.count):
                if number == self.wait_at:
                    await self.go_on.wait()
                self.given += 1
                yield PIECE
            if self.error is not None:
                raise self.error
        finally:
            await asyncio.sleep(0)  # a clean-up that waits, such as a connection that goes back to its pool
            self.ended.set()


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    """What is closed is closed by the cache."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def run(main: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(10):
            await main()

    asyncio.run(bounded())


async def joined(filling: Filling) -> bytes:
    return b"".join([chunk async for chunk in filling])


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_both_get_all_of_it() -> None:
    async def main() -> None:
        source = Source(5)
        filling = Filling(source.pieces(), LARGEST)
        assert await asyncio.gather(filling.whole(5), joined(filling)) == [PIECE * 5] * 2  # type: ignore[comparison-overlap]
        await filling.aclose()
        assert source.ended.is_set()
        assert repr(filling) == "<Filling, 20480 of up to 65536 bytes, ended>"

    run(main)


def test_a_client_that_does_not_read_keeps_nobody_waiting() -> None:
    async def main() -> None:
        filling = Filling(Source(5).pieces(), LARGEST)
        assert await filling.whole(5) == PIECE * 5
        assert await joined(filling) == PIECE * 5

    run(main)


def test_what_is_too_large_is_the_clients_alone_at_its_pace() -> None:
    async def main() -> None:
        source = Source(40)
        filling = Filling(source.pieces(), LARGEST)
        assert await filling.whole(5) is None
        await turns()
        assert source.given == 17  # one more than is kept
        assert await joined(filling) == PIECE * 40

    run(main)


@pytest.mark.parametrize("read", [0, 3, 20])
@pytest.mark.parametrize("first", ["left", "too large"])
def test_what_is_too_large_ends_when_its_client_leaves(first: str, read: int) -> None:
    async def main() -> None:
        source = Source(40)
        filling = Filling(source.pieces(), LARGEST)
        if first == "too large":
            await filling.whole(5)
        for _ in range(read):
            await anext(filling)
        await filling.aclose()
        assert await filling.whole(5) is None
        assert source.ended.is_set()
        assert source.given <= max(17, read)

    run(main)


def test_what_is_too_slow_goes_on_for_its_client() -> None:
    async def main() -> None:
        source = Source(5, wait_at=2)
        filling = Filling(source.pieces(), LARGEST)
        body = asyncio.create_task(joined(filling))
        assert await filling.whole(0.01) is None
        source.go_on.set()
        assert await body == PIECE * 5

    run(main)


@pytest.mark.parametrize("first", ["left", "late"])
def test_what_is_too_slow_ends_when_its_client_has_left(first: str) -> None:
    async def main() -> None:
        source = Source(5, wait_at=2)
        filling = Filling(source.pieces(), LARGEST)
        if first == "late":
            assert await filling.whole(0.01) is None
        await filling.aclose()
        assert await filling.whole(0.01) is None
        assert source.ended.is_set()
        assert source.given == 2
        with pytest.raises(ConnectionAbortedError):  # no end, as of a whole body
            await joined(filling)

    run(main)


def test_what_breaks_off_breaks_for_the_client_too() -> None:
    async def main() -> None:
        filling = Filling(Source(3, error=RuntimeError("broken")).pieces(), LARGEST)
        assert await filling.whole(5) is None
        assert [await anext(filling) for _ in range(3)] == [PIECE] * 3
        with pytest.raises(RuntimeError, match="broken"):
            await anext(filling)

    run(main)


def test_what_its_client_has_left_is_read_on_for_the_cache() -> None:
    async def main() -> None:
        filling = Filling(Source(5).pieces(), LARGEST)
        await filling.aclose()
        assert await filling.whole(5) == PIECE * 5

    run(main)


class Origin:
    """An app with one streamed answer, and the sources of its calls."""

    def __init__(self) -> None:
        self.sources: list[Source] = []
        self.asked = threading.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.make: Callable[[], Source] = lambda: Source(5)
        self.app = App("streams")

        @self.app.get("/tagged", cache=Cache(ttl=60, tags=self._tags))
        @self.app.get("/", cache=Cache(ttl=60))
        async def body() -> Stream:
            self.asked.set()
            await self.may_answer.wait()
            source = self.make()
            self.sources.append(source)
            return Stream(source.pieces(), media_type="application/octet-stream")

    @staticmethod
    def _tags(request: Request, response: Response) -> list[str]:
        raise KeyError("no such tag")


@pytest.fixture
def origin() -> Origin:
    return Origin()


@pytest.fixture(params=LOOPS)
def served(request: pytest.FixtureRequest, origin: Origin) -> Iterator[Serving]:
    serving = Serving(request.param, origin.app, cache_max_entry=LARGEST)
    yield serving
    assert serving.stop() == []


def ask(served: Serving, count: int, method: str = "GET") -> list[Client]:
    clients = [served.connect() for _ in range(count)]
    for client in clients:
        client.send(get("/", method=method))
    return clients


def test_those_who_wait_get_what_the_first_gets(served: Serving, origin: Origin) -> None:
    origin.make = lambda: Source(5, wait_at=3)
    first, *others = ask(served, 10)
    first.until(PIECE)
    served.loop.call_soon_threadsafe(origin.sources[0].go_on.set)
    assert {client.answer().body for client in others} == {PIECE * 5}
    assert len(origin.sources) == 1
    assert ask(served, 1)[0].answer().headers["cache-status"] == "stanchion; hit"


def test_those_who_wait_for_what_is_too_large_ask_for_themselves(served: Serving, origin: Origin) -> None:
    origin.make = lambda: Source(40)
    answers = [client.answer() for client in ask(served, 8)]
    assert Counter((answer.status, len(answer.body)) for answer in answers) == {(200, 40 * len(PIECE)): 8}
    assert all(source.ended.wait(1) for source in origin.sources)


def test_those_who_wait_for_what_is_too_slow_ask_for_themselves(
    served: Serving, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "_FILL", 0.05)
    slow = Source(5, wait_at=3)
    origin.make = lambda: slow if not origin.sources else Source(5)
    first, *others = ask(served, 8)
    assert [(answer.status, answer.body) for answer in (client.answer() for client in others)] == [(200, PIECE * 5)] * 7
    served.loop.call_soon_threadsafe(slow.go_on.set)
    assert first.answer().body == PIECE * 5  # it was slow, and no more than that
    assert slow.ended.wait(1)


def test_those_who_wait_for_what_breaks_off_ask_for_themselves(served: Serving, origin: Origin) -> None:
    origin.make = lambda: Source(3, error=RuntimeError("broken")) if not origin.sources else Source(5)
    first, *others = ask(served, 8)
    assert b"\r\n0\r\n" not in first.rest_or_reset()
    assert {client.answer().body for client in others} == {PIECE * 5}
    assert any("GET / failed" in message for message in served.logged())


def test_a_function_for_tags_that_fails_is_told_and_spoils_no_answer(served: Serving, origin: Origin) -> None:
    clients = [served.connect() for _ in range(4)]
    for client in clients:
        client.send(get("/tagged"))
    assert [client.answer().body for client in clients] == [PIECE * 5] * 4
    assert any("GET /tagged: the streamed answer is not kept" in message for message in served.logged())


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_source_of_a_client_that_does_not_take_it_is_closed_at_once(
    served: Serving, origin: Origin, method: str
) -> None:
    origin.make = lambda: Source(10_000)
    client = served.connect(receive_buffer=4096)
    client.send(get("/", method=method))
    client.until(b"\r\n\r\n")
    if method == "GET":
        client.reset()
    assert origin.sources[0].ended.wait(2)
    assert origin.sources[0].given < 10_000


def test_a_client_that_leaves_before_its_answer_leaves_no_source_open(served: Serving, origin: Origin) -> None:
    """The call goes on for another one; the first one's body has nobody who would take the rest."""
    origin.make = lambda: Source(40)
    origin.may_answer.clear()
    first, other = ask(served, 2)
    assert origin.asked.wait(2)
    first.reset()
    until(lambda: len(served.server.connections) == 1)
    served.loop.call_soon_threadsafe(origin.may_answer.set)
    assert len(other.answer().body) == 40 * len(PIECE)
    assert all(source.ended.wait(2) for source in origin.sources)
    assert len(origin.sources) == 2


def test_a_stale_stream_is_made_anew_once_behind_its_answers(clock: Clock) -> None:
    app, calls = App("stale"), 0

    async def pieces(number: int) -> AsyncIterator[bytes]:
        yield b"stream "
        await asyncio.sleep(0.05)
        yield b"%d" % number

    @app.get("/", cache=Cache(ttl=10, stale=30))
    async def streamed() -> Stream:
        nonlocal calls
        calls += 1
        return Stream(pieces(calls), media_type="text/plain")

    with InMemory(app) as client:
        assert client.get("/").body == b"stream 1"
        clock.advance(15)
        seen = [client.get("/").body]
        end = time.monotonic() + 5
        while seen[-1] == b"stream 1":
            assert time.monotonic() < end
            seen.append(client.get("/").body)
            time.sleep(0.005)
    assert set(seen) == {b"stream 1", b"stream 2"}
    assert len(seen) > 3
    assert calls == 2
