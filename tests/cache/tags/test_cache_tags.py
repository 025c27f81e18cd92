"""Tags of one machine, and of machines that share a Redis which is killed, slow, cut off or emptied."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing

import pytest
import redis as redis_driver

from stanchion.board import Board
from stanchion.cache.tags import RedisTags, Tags
from tests.limits.redis_server import FaultProxy, RedisServer, needs_redis
from tests.ports import free_port

TAG = "airport:JFK"


class Machine:
    """A board and one worker of it."""

    def __init__(self, board: Board, url: str) -> None:
        self.fleet = RedisTags(url, board.generations)
        self.tags = Tags(board, self.fleet)
        self.generations = board.generations

    @property
    def counts(self) -> dict[str, int]:
        return self.tags.statistics()


@asynccontextmanager
async def machines(*urls: str) -> AsyncIterator[list[Machine]]:
    async with AsyncExitStack() as stack, asyncio.timeout(30):
        opened = []
        for url in urls:
            machine = Machine(stack.enter_context(closing(Board.private())), url)
            await machine.fleet.open()
            stack.push_async_callback(machine.fleet.close)
            opened.append(machine)
        yield opened


async def until(true: Callable[[], bool], seconds: float = 10) -> float:
    """Wait for it; how long it took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds
        await asyncio.sleep(0.002)
    return time.monotonic() - began


def run(main: Awaitable[None]) -> None:
    async def awaited() -> None:
        await main

    asyncio.run(awaited())


def test_an_entry_is_valid_until_one_of_its_tags_is_invalidated() -> None:
    async def main() -> None:
        with closing(Board.private()) as board:
            tags = Tags(board)
            stamp, other = tags.stamp([TAG, "airports", TAG]), tags.stamp(["airport:LAX"])
            assert len(stamp) == 2
            assert tags.valid(stamp)
            assert tags.valid(())
            await tags.invalidate("airports", "another")
            assert not tags.valid(stamp)
            assert tags.valid(other)
            assert tags.valid(tags.stamp([TAG, "airports"]))
            assert tags.statistics() == {"invalidated": 2}
            assert repr(tags) == "<Tags in 16384 cells, of one machine>"

    run(main())


def test_an_invalidation_while_the_origin_answers_makes_the_entry_invalid() -> None:
    async def main() -> None:
        with closing(Board.private()) as board:
            tags = Tags(board)
            value = "old"

            async def origin() -> str:
                read = value
                await asyncio.sleep(0.01)
                return read

            stamp = tags.stamp([TAG])
            asking = asyncio.create_task(origin())
            await asyncio.sleep(0)
            value = "new"
            await tags.invalidate(TAG)
            assert await asking == "old"
            assert not tags.valid(stamp)

    run(main())


def test_all_workers_of_a_machine_see_it_at_once_and_another_boards_stamps_are_not_valid() -> None:
    async def main() -> None:
        with closing(Board.create(seats=2, series=1)) as board, closing(Board.private()) as later:
            one, other = Tags(board), Tags(board)
            stamp = one.stamp([TAG])
            assert other.valid(stamp)
            await other.invalidate(TAG)
            assert not one.valid(stamp)
            for kept in (stamp, one.stamp([TAG])):  # in a tier that outlives the board
                assert not Tags(later).valid(kept)

    run(main())


@needs_redis
def test_the_fleet_hears_of_it_and_a_stamp_is_worth_the_same_everywhere(shared_redis: RedisServer) -> None:
    async def main() -> None:
        async with machines(shared_redis.url, shared_redis.url) as (one, two):
            stamp = one.tags.stamp([TAG, "airports"])
            assert two.tags.valid(stamp)
            assert two.tags.stamp([TAG, "airports"]) == stamp
            await one.tags.invalidate(TAG)
            assert not one.tags.valid(stamp)
            await until(lambda: not two.tags.valid(stamp))
            await until(lambda: one.generations.numbers() == two.generations.numbers())
            assert one.counts["told"] == one.counts["invalidated"] == 1
            assert (one.counts["marked"], one.counts["kept"], one.counts["late"]) == (0, 0, 0)
            assert two.counts["heard"] == 1
            compared = two.counts["compared"]
            await one.tags.invalidate()
            await one.tags.invalidate("another")
            await until(lambda: two.counts["heard"] == 2)
            await asyncio.sleep(0.05)
            assert two.counts["compared"] == compared  # nothing was told of nothing
            assert two.counts["repaired"] == 16_384  # its own numbers, when it connected
            assert repr(two.fleet).endswith("follows>")

    run(main())


@needs_redis
def test_a_machine_that_starts_anew_takes_up_where_the_fleet_is(shared_redis: RedisServer) -> None:
    async def main() -> None:
        async with machines(shared_redis.url) as (one,):
            old = one.tags.stamp([TAG])
            await one.tags.invalidate(TAG)
            new = one.tags.stamp([TAG])
            async with machines(shared_redis.url) as (two,):
                assert two.tags.valid(new)
                assert not two.tags.valid(old)

    run(main())


@needs_redis
def test_many_at_a_time_and_the_same_on_both(shared_redis: RedisServer) -> None:
    async def main() -> None:
        async with machines(shared_redis.url, shared_redis.url) as (one, two):
            names = [f"tag:{number}" for number in range(3000)]
            stamps = [one.tags.stamp([name]) for name in names]
            halves = (one.tags.invalidate(*names[:2000]), two.tags.invalidate(*names[1000:]))
            await asyncio.gather(*halves, *(each.tags.invalidate(TAG) for each in (one, two) for _ in range(50)))
            await until(lambda: one.generations.numbers() == two.generations.numbers() and not one.counts["marked"])
            assert not any(each.tags.valid(stamp) for each in (one, two) for stamp in stamps)

    run(main())


@needs_redis
def test_redis_is_killed_and_what_was_invalidated_meanwhile_is_told_later(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with machines(redis_server.url, redis_server.url) as (one, two):
            stamp, other = one.tags.stamp([TAG]), one.tags.stamp(["airport:LAX"])
            redis_server.kill()
            await until(lambda: not one.fleet.following and not two.fleet.following)
            await one.tags.invalidate(TAG)
            assert not one.tags.valid(stamp)
            assert two.tags.valid(stamp)  # it cannot know
            assert (one.counts["kept"], one.counts["marked"]) == (1, 1)
            redis_server.start()  # the table is lost
            await until(lambda: not two.tags.valid(stamp))
            await until(lambda: one.generations.numbers() == two.generations.numbers())
            assert one.counts["marked"] == 0
            assert one.tags.valid(other)  # a Redis that starts anew is no reason to ask for everything again
            assert two.tags.valid(other)

    run(main())
    assert "invalidations stay on their machine until it answers" in caplog.text


def test_without_redis_a_worker_starts_and_its_machine_has_tags(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        began = time.monotonic()
        async with machines(f"redis://127.0.0.1:{free_port()}/0") as (one,):
            assert time.monotonic() - began < 5
            stamp = one.tags.stamp([TAG])
            assert one.tags.valid(stamp)
            await one.tags.invalidate(TAG)
            assert not one.tags.valid(stamp)
            assert repr(one.fleet).endswith("cut off>")

    run(main())
    assert caplog.text.count("invalidations stay on their machine") == 1


@needs_redis
def test_a_machine_that_was_cut_off_is_repaired(redis_server: RedisServer, fault_proxy: FaultProxy) -> None:
    async def main() -> None:
        async with machines(redis_server.url, fault_proxy.url) as (one, two):
            stamp = one.tags.stamp([TAG])
            fault_proxy.black_hole = True  # the connection stays, and nothing comes
            await one.tags.invalidate(TAG)
            await until(lambda: not two.fleet.following)
            assert two.tags.valid(stamp)
            fault_proxy.black_hole = False
            await until(lambda: not two.tags.valid(stamp))
            assert two.counts["repaired"] == 16_385

    run(main())


@needs_redis
def test_nobody_waits_for_a_slow_redis(redis_server: RedisServer, fault_proxy: FaultProxy) -> None:
    async def main() -> None:
        async with machines(fault_proxy.url, redis_server.url) as (one, two):
            stamp = one.tags.stamp([TAG])
            fault_proxy.delay = 0.8
            began = time.monotonic()
            await one.tags.invalidate(TAG)
            assert 0.04 < time.monotonic() - began < 0.7
            assert not one.tags.valid(stamp)
            assert one.counts["late"] == 1
            await until(lambda: not two.tags.valid(stamp))
            await until(lambda: one.counts["told"] >= 1)
            fault_proxy.delay = 0.0

    run(main())


@needs_redis
def test_a_table_that_is_lost_under_way_is_brought_back(redis_server: RedisServer) -> None:
    async def main() -> None:
        async with machines(redis_server.url, redis_server.url) as (one, two):
            await one.tags.invalidate("before")
            stamp, kept = one.tags.stamp([TAG]), one.tags.stamp(["before"])
            with redis_driver.Redis("127.0.0.1", redis_server.port) as client:
                client.flushall()
            await one.tags.invalidate(TAG)
            await until(lambda: not two.tags.valid(stamp))
            await until(lambda: one.generations.numbers() == two.generations.numbers())
            assert two.tags.valid(kept)
            async with machines(redis_server.url) as (three,):
                assert three.tags.valid(kept)

    run(main())


@needs_redis
def test_messages_of_others_are_passed_over(shared_redis: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with machines(shared_redis.url, shared_redis.url) as (one, two):
            stamp = one.tags.stamp([TAG])
            with redis_driver.Redis("127.0.0.1", shared_redis.port) as client:
                for message in ("what is this", "16384 1 0", "1 2 3 4"):
                    client.publish("stanchion:generations:16384", message)
            await until(lambda: caplog.text.count("is not ours") == 6)
            await one.tags.invalidate(TAG)
            await until(lambda: not two.tags.valid(stamp))

    run(main())


@needs_redis
def test_a_mark_that_somebody_left_on_the_board_is_told_by_who_finds_it(shared_redis: RedisServer) -> None:
    async def main() -> None:
        async with machines(shared_redis.url, shared_redis.url) as (one, two):
            stamp = one.tags.stamp([TAG])
            one.generations.mark(stamp[0][0])  # as a worker does that is killed before it has told
            await until(lambda: not two.tags.valid(stamp))
            assert one.counts["marked"] == 0

    run(main())


@needs_redis
def test_who_is_cancelled_has_told_all_the_same(redis_server: RedisServer, fault_proxy: FaultProxy) -> None:
    async def main() -> None:
        async with machines(fault_proxy.url, redis_server.url) as (one, two):
            stamp = one.tags.stamp([TAG])
            fault_proxy.delay = 0.03
            leaving = asyncio.create_task(one.tags.invalidate(TAG))
            await asyncio.sleep(0)
            leaving.cancel()
            await until(lambda: not two.tags.valid(stamp))

    run(main())
