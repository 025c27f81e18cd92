"""Calls of the script in bytes of our own, over connections that the server may close at any time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import redis

from stanchion.limits.gcra import Gcra
from stanchion.limits.redis_script import check_of, grants
from stanchion.limits.redis_wire import RedisWire
from stanchion.redis_driver import connections
from tests.limits.redis_server import RedisServer, needs_redis

pytestmark = needs_redis
CHECK = check_of(Gcra(interval=3600 * 10**9, burst=1000), 1)


def with_wire(server: RedisServer, work: Callable[[RedisWire], Awaitable[Any]]) -> None:
    async def main() -> None:
        pool, _, no_script = connections(server.url, "the store")
        wire = RedisWire(pool, no_script)
        try:
            await work(wire)
        finally:
            await wire.close()

    asyncio.run(main())


async def left(wire: RedisWire, *keys: bytes) -> list[int]:
    reply = await wire.evaluate(keys, [CHECK] * len(keys))
    return [grant.remaining for grant in grants(reply, len(keys))]


@pytest.mark.parametrize("count", [1, 15, 16, 256])
def test_any_number_of_checks_is_one_call(redis_server: RedisServer, count: int) -> None:
    async def work(wire: RedisWire) -> None:
        keys = [b"key \r\n%d" % number for number in range(count)]
        assert await left(wire, *keys) == [999] * count
        assert await left(wire, *keys[:1] * count) == list(range(998, 998 - count, -1))

    with_wire(redis_server, work)


def test_a_server_that_has_forgotten_the_script_is_told_it_anew(redis_server: RedisServer) -> None:
    async def work(wire: RedisWire) -> None:
        for remaining in (999, 998):
            with redis.Redis("127.0.0.1", redis_server.port) as client:
                client.script_flush()
            assert await left(wire, b"k") == [remaining]
        assert repr(wire) == "<RedisWire, 1 connections idle>"

    with_wire(redis_server, work)


def test_a_connection_that_the_server_has_closed_is_made_anew(redis_server: RedisServer) -> None:
    async def work(wire: RedisWire) -> None:
        assert await left(wire, b"k") == [999]
        with redis.Redis("127.0.0.1", redis_server.port) as client:
            client.client_kill_filter(_type="normal", skipme=True)
        await asyncio.sleep(0.05)
        assert await left(wire, b"k") == [998]

    with_wire(redis_server, work)


def test_who_is_cancelled_leaves_no_reply_for_the_next(redis_server: RedisServer) -> None:
    async def work(wire: RedisWire) -> None:
        assert await left(wire, b"k") == [999]
        task = asyncio.create_task(left(wire, b"other", b"other"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await left(wire, b"k") == [998]
        assert not await wire.clustered()

    with_wire(redis_server, work)
