"""Calls to a Redis: bounded, and none while it does not answer."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import pytest
import uvloop

from stanchion.cache.redis_calls import PROBE, RedisCalls, Script, StoreFailed
from stanchion.errors import ConfigurationError
from tests.limits.conftest import fault_proxy, redis_server, shared_redis
from tests.limits.redis_server import FaultProxy, RedisServer, needs_redis
from tests.ports import free_port

__all__ = ["fault_proxy", "redis_server", "shared_redis"]

TWICE = Script("return ARGV[1] * 2")


@asynccontextmanager
async def calls_to(url: str, timeout: float = 1.0) -> AsyncIterator[RedisCalls]:
    calls = RedisCalls(url, timeout)
    try:
        yield calls
    finally:
        await calls.close()


async def failures(calls: RedisCalls, count: int) -> None:
    for _ in range(count):
        with pytest.raises(StoreFailed):
            await calls.call("PING")


@needs_redis
def test_commands_and_scripts_are_answered(shared_redis: RedisServer) -> None:
    async def main() -> None:
        async with calls_to(shared_redis.url.replace("redis:", "valkey:")) as calls:
            assert await calls.call("SET", "a", b"1")
            assert await calls.call("GET", "a") == b"1"
            assert [await calls.run(TWICE, [], [number]) for number in (1, 2)] == [2, 4]
            assert calls.statistics() == {"calls": 4, "failed": 0}
            assert repr(calls) == f"<RedisCalls valkey://127.0.0.1:{shared_redis.port}/0, answers>"

    asyncio.run(main())


@needs_redis
def test_a_server_that_starts_anew_learns_the_script(redis_server: RedisServer) -> None:
    async def main() -> None:
        async with calls_to(redis_server.url) as calls:
            assert await calls.run(TWICE, [], [1]) == 2
            redis_server.kill()
            redis_server.start()
            end = time.monotonic() + 5
            while True:
                try:
                    assert await calls.run(TWICE, [], [2]) == 4
                    break
                except StoreFailed:  # the old connection
                    assert time.monotonic() < end

    asyncio.run(main())


def test_a_server_that_is_away_is_asked_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        now = 100.0
        calls = RedisCalls(f"redis://user:secret@127.0.0.1:{free_port()}/0", 1.0, clock=lambda: now)
        await failures(calls, 1)
        assert not calls.failing
        await failures(calls, 20)
        assert calls.failing
        assert calls.statistics() == {"calls": 2, "failed": 2}
        now += PROBE
        await failures(calls, 20)
        assert calls.statistics() == {"calls": 3, "failed": 3}
        await calls.close()

    asyncio.run(main())
    assert caplog.text.count("does not answer, the cache does without it") == 1
    assert "secret" not in caplog.text


@needs_redis
def test_a_server_that_hangs_is_bounded_and_found_again(redis_server: RedisServer, fault_proxy: FaultProxy) -> None:
    async def main() -> None:
        async with calls_to(fault_proxy.url, 0.05) as calls:
            assert await calls.call("PING")
            fault_proxy.black_hole = True
            began = time.monotonic()
            await failures(calls, 50)
            assert 0.1 <= time.monotonic() - began < 2
            fault_proxy.black_hole = False
            end = time.monotonic() + 5
            while calls.failing:
                assert time.monotonic() < end
                await asyncio.sleep(0.02)
                try:
                    assert await calls.call("ECHO", "mine") == b"mine"  # and no late answer to another call
                except StoreFailed:
                    continue

    asyncio.run(main())


@needs_redis
@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_late_loop_is_not_the_servers_fault(
    shared_redis: RedisServer, run: Callable[[Coroutine[None, None, None]], None]
) -> None:
    async def main() -> None:
        async with calls_to(shared_redis.url, 0.05) as calls:
            await calls.call("PING")
            for turns in range(8):  # of the loop, before it is held: the call is at one step or another
                asking = asyncio.create_task(calls.call("ECHO", "here"))
                for _ in range(turns):
                    await asyncio.sleep(0)
                time.sleep(0.1)
                assert await asking == b"here"
            assert calls.statistics()["failed"] == 0

    run(main())


@needs_redis
def test_a_crowd_takes_few_connections_and_is_answered(redis_server: RedisServer) -> None:
    async def main() -> None:
        async with calls_to(redis_server.url, 2) as calls:
            numbers = await asyncio.gather(*(calls.run(TWICE, [], [number]) for number in range(1000)))
            assert numbers == [2 * number for number in range(1000)]
            clients = await calls.call("CLIENT", "LIST")
            assert 1 <= len(clients.splitlines()) <= 9
            assert calls.statistics()["failed"] == 0

    asyncio.run(main())


@needs_redis
def test_a_crowd_before_a_server_that_hangs_is_let_go(redis_server: RedisServer, fault_proxy: FaultProxy) -> None:
    async def main() -> None:
        async with calls_to(fault_proxy.url, 0.05) as calls:
            await calls.call("PING")
            fault_proxy.black_hole = True
            began = time.monotonic()
            asked = (calls.call("PING") for _ in range(1000))
            assert {type(outcome) for outcome in await asyncio.gather(*asked, return_exceptions=True)} == {StoreFailed}
            assert time.monotonic() - began < 5  # one after the other they would have taken 50 s
            assert calls.statistics()["calls"] < 50
            fault_proxy.black_hole = False

    asyncio.run(main())


@needs_redis
def test_what_the_server_refuses_is_a_failure(shared_redis: RedisServer) -> None:
    async def main() -> None:
        async with calls_to(shared_redis.url) as calls:
            with pytest.raises(StoreFailed):
                await calls.call("NO-SUCH-COMMAND")

    asyncio.run(main())


def test_what_is_no_url_is_told_without_its_password() -> None:
    with pytest.raises(ConfigurationError, match=r"'http://\*\*\*@x': .*give a URL such as redis://") as refused:
        RedisCalls("http://user:secret@x")
    assert "secret" not in str(refused.value)
