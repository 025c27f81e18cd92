"""Leases in one process: what renews them, what ends them, and what a Redis that fails does to them."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from stanchion.board import Board
from stanchion.cache.leases import BoardLeases, Leases, RedisLeases, once
from stanchion.cache.leases.lease import ALONE
from stanchion.cache.redis_calls import RedisCalls
from tests.limits.redis_server import FaultProxy, RedisServer, needs_redis

Main = Callable[[Leases, Leases], Awaitable[None]]


@asynccontextmanager
async def in_redis(url: str, timeout: float = 1.0) -> AsyncIterator[RedisLeases]:
    calls = RedisCalls(url, timeout)
    leases = RedisLeases(calls)
    yield leases
    await leases.close()
    await calls.close()


@pytest.fixture(params=["board", pytest.param("redis", marks=needs_redis)])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Main], None]:
    """Runs a test with the leases of two workers."""

    async def on_board(main: Main) -> None:
        with closing(Board.private()) as board:
            both = BoardLeases(board), BoardLeases(board)
            await main(*both)
            for leases in both:
                await leases.close()

    async def at_redis(main: Main) -> None:
        server = RedisServer(tmp_path)
        try:
            async with in_redis(server.url) as one, in_redis(server.url) as other:
                await main(one, other)
        finally:
            server.kill()

    def bounded(main: Main) -> None:
        async def in_time() -> None:
            async with asyncio.timeout(20):
                await (on_board if request.param == "board" else at_redis)(main)

        asyncio.run(in_time())

    return bounded


def test_it_is_renewed_until_it_is_released(run: Callable[[Main], None]) -> None:
    async def main(one: Leases, other: Leases) -> None:
        lease = await one.take(b"key")
        assert lease is not None
        for _ in range(4):
            await asyncio.sleep(0.3)
            assert await other.take(b"key") is None
        assert await other.take(b"another") is not None
        began = time.monotonic()
        asyncio.get_running_loop().call_later(0.1, lambda: asyncio.ensure_future(lease.release()))
        await other.wait(b"key", 5)
        assert 0.05 < time.monotonic() - began < 4
        assert await other.take(b"key") not in (None, ALONE)
        assert one.statistics() == {"held": 0, "taken": 1, "busy": 0, "alone": 0, "lost": 0}
        assert other.statistics() == {"held": 2, "taken": 2, "busy": 4, "alone": 0, "lost": 0}

    run(main)


def test_a_wait_is_bounded_and_closing_lets_go(run: Callable[[Main], None]) -> None:
    async def main(one: Leases, other: Leases) -> None:
        assert await one.take(b"key") is not None
        began = time.monotonic()
        await other.wait(b"key", 0.2)
        assert 0.15 < time.monotonic() - began < 4
        assert await other.take(b"key") is None
        await one.close()
        assert await other.take(b"key") is not None

    run(main)


def test_a_loop_that_was_held_for_too_long_has_lost_it(run: Callable[[Main], None]) -> None:
    async def main(one: Leases, other: Leases) -> None:
        lost = await one.take(b"key")
        assert lost is not None
        time.sleep(0.9)
        taken_over = await other.take(b"key")
        assert taken_over not in (None, ALONE)
        await asyncio.sleep(0.35)
        assert one.statistics()["lost"] == 1
        await lost.release()
        assert await one.take(b"key") is None  # it is still the other's

    run(main)


def test_what_is_not_kept_is_waited_for_by_nobody(run: Callable[[Main], None]) -> None:
    async def main(one: Leases, other: Leases) -> None:
        made: list[str] = []

        async def nothing() -> None:
            return None

        async def make() -> tuple[str, bool]:
            made.append("made")
            await asyncio.sleep(1)
            return "answer", False

        began = time.monotonic()
        asked = (once(leases, b"key", nothing, make) for leases in (one, other, other, other, other))
        assert await asyncio.gather(*asked) == ["answer"] * 5
        assert len(made) == 5
        assert time.monotonic() - began < 4  # one, and then the others at the same time

    run(main)


def test_an_error_lets_the_next_one_try(run: Callable[[Main], None]) -> None:
    async def main(one: Leases, other: Leases) -> None:
        at_work = most = calls = 0

        async def nothing() -> None:
            return None

        async def make() -> tuple[str, bool]:
            nonlocal at_work, most, calls
            at_work, calls = at_work + 1, calls + 1
            most = max(most, at_work)
            await asyncio.sleep(0.02)
            at_work -= 1
            raise ValueError("out of order")

        asked = (once(leases, b"key", nothing, make) for leases in (one, other, other))
        assert [type(error) for error in await asyncio.gather(*asked, return_exceptions=True)] == [ValueError] * 3
        assert (calls, most) == (3, 1)

    run(main)


def test_who_has_waited_long_enough_goes_on_alone(run: Callable[[Main], None]) -> None:
    async def main(one: Leases, other: Leases) -> None:
        async def nothing() -> None:
            return None

        async def make() -> tuple[str, bool]:
            return "alone", True

        assert await one.take(b"key") is not None
        assert await once(other, b"key", nothing, make, patience=0.1) == "alone"

    run(main)


def test_who_gets_the_lease_after_another_looks_before_it_makes(run: Callable[[Main], None]) -> None:
    async def main(one: Leases, other: Leases) -> None:
        kept: list[str] = []

        async def look() -> str | None:
            return kept[0] if kept else None

        async def make() -> tuple[str, bool]:
            raise AssertionError("it was kept by the other")

        lease = await one.take(b"key")
        assert lease is not None
        asking = asyncio.create_task(once(other, b"key", look, make))
        await asyncio.sleep(0.05)
        kept.append("answer")
        await lease.release()
        assert await asking == "answer"
        assert await once(one, b"key", look, make) == "answer"

    run(main)


@needs_redis
@pytest.mark.parametrize("fault", ["killed", "black_hole"])
def test_without_redis_everybody_goes_on_alone(redis_server: RedisServer, fault_proxy: FaultProxy, fault: str) -> None:
    async def main() -> None:
        async with in_redis(fault_proxy.url, 0.05) as one, in_redis(fault_proxy.url, 0.05) as other:
            held = await one.take(b"key")
            assert held not in (None, ALONE)
            assert await other.take(b"key") is None
            if fault == "killed":
                redis_server.kill()
            else:
                fault_proxy.black_hole = True
            began = time.monotonic()
            for _ in range(50):
                assert await other.take(b"key") is ALONE
                await other.wait(b"key", 5)
            assert time.monotonic() - began < 4  # two calls of 50 ms, and what is in between costs nothing
            await held.release()
            if fault == "killed":
                redis_server.start()
            else:
                fault_proxy.black_hole = False
            end = time.monotonic() + 5
            while await other.take(b"another") is ALONE:
                assert time.monotonic() < end
                await asyncio.sleep(0.05)
            assert await one.take(b"another") is None

    asyncio.run(main())
