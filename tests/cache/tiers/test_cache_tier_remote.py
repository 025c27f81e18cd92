"""Redis and memcached as tiers, while they are there, killed, slow, silent and flushed: a miss, never an error."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stanchion.cache.tiers.remote import Remote, remote
from stanchion.errors import ConfigurationError
from tests.cache.memcached_server import MemcachedServer, needs_memcached
from tests.limits.redis_server import FaultProxy, RedisServer, needs_redis

TIMEOUT = 0.05
SLACK = 1.0
"""Seconds that a busy machine may be late."""

Server = RedisServer | MemcachedServer


@pytest.fixture(params=[pytest.param("redis", marks=needs_redis), pytest.param("memcached", marks=needs_memcached)])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    made: Server = RedisServer(tmp_path) if request.param == "redis" else MemcachedServer()
    yield made
    made.kill()


@pytest.fixture
def proxy(server: Server) -> Iterator[FaultProxy]:
    made = FaultProxy(server.port)
    yield made
    made.stop()


def through(proxy: FaultProxy, server: Server) -> Remote:
    return remote(server.url.replace(str(server.port), str(proxy.port)), TIMEOUT)


async def crowd(tier: Remote, many: int = 50) -> float:
    """The longest of many gets at one time, in seconds; each has to be answered."""

    async def one(number: int) -> float:
        began = time.monotonic()
        await tier.get(b"crowd %d" % number)
        return time.monotonic() - began

    return max(await asyncio.gather(*map(one, range(many))))


async def recovered(tier: Remote) -> None:
    """Waits until it keeps again, ten seconds at most."""
    end = time.monotonic() + 10
    while not await tier.put(b"back", b"again", 60):
        assert time.monotonic() < end
        await asyncio.sleep(0.02)
    assert await tier.get(b"back") == b"again"


def test_what_is_put_is_there_until_dropped(server: Server) -> None:
    async def run() -> None:
        tier = remote(server.url, 1.0)
        assert await tier.get(b"key") is None
        value = bytes(range(256)) * 100 + b"\r\nEN\r\n"
        assert await tier.put(b"key", value, 60)
        assert await asyncio.gather(*(tier.get(b"key") for _ in range(5))) == [value] * 5
        await tier.drop(b"key")
        assert await tier.get(b"key") is None
        assert await tier.put(b"\x00 any\r\nkey" * 100, b"", 60)
        assert await tier.get(b"\x00 any\r\nkey" * 100) == b""
        await tier.clear()
        assert await tier.get(b"\x00 any\r\nkey" * 100) is None
        assert not await tier.put(b"large", bytes(9 << 20), 60)
        counted = tier.statistics()
        assert counted == {"hits": 6, "misses": 3, "stored": 2, "refused": 1, "failed": 0}
        await tier.close()

    asyncio.run(run())


def test_an_entry_ends_with_its_time(server: Server) -> None:
    async def run() -> None:
        tier = remote(server.url, 1.0)
        assert await tier.put(b"key", b"value", 1)
        assert await tier.get(b"key") == b"value"
        end = time.monotonic() + 5
        while await tier.get(b"key") is not None:
            assert time.monotonic() < end
            await asyncio.sleep(0.1)
        await tier.close()

    asyncio.run(run())


def test_killed_and_restarted(server: Server) -> None:
    async def run() -> None:
        tier = remote(server.url, TIMEOUT)
        await recovered(tier)
        server.kill()
        for _ in range(5):
            assert await crowd(tier) < TIMEOUT + SLACK
        assert tier.statistics()["failed"] > 0
        await asyncio.to_thread(server.start)
        await recovered(tier)
        await tier.close()

    asyncio.run(run())


@pytest.mark.parametrize("fault", ["slow", "silent"])
def test_slow_or_silent(server: Server, proxy: FaultProxy, fault: str) -> None:
    async def run() -> None:
        tier = through(proxy, server)
        await recovered(tier)
        proxy.delay, proxy.black_hole = (0.5, False) if fault == "slow" else (0.0, True)
        for _ in range(3):
            assert await crowd(tier) < 4 * TIMEOUT + SLACK
        began = time.monotonic()
        await crowd(tier, 200)  # the breaker is open: all but a probe come back at once
        assert time.monotonic() - began < TIMEOUT + SLACK
        proxy.delay, proxy.black_hole = 0.0, False
        await recovered(tier)
        await tier.close()

    asyncio.run(run())


def test_a_cancelled_get_leaves_no_reply_to_the_next(server: Server, proxy: FaultProxy) -> None:
    async def run() -> None:
        tier = remote(server.url.replace(str(server.port), str(proxy.port)), 2.0)
        for name in (b"mine", b"yours"):
            assert await tier.put(name, name, 60)
        proxy.delay = 0.1
        for _ in range(5):
            cancelled = asyncio.ensure_future(tier.get(b"yours"))
            await asyncio.sleep(0.01)
            cancelled.cancel()
            assert await tier.get(b"mine") == b"mine"
        await tier.close()

    asyncio.run(run())


def test_flushed_while_it_is_asked(server: Server) -> None:
    async def run() -> None:
        tier = remote(server.url, TIMEOUT)
        await recovered(tier)
        found, _ = await asyncio.gather(asyncio.gather(*(tier.get(b"back") for _ in range(1000))), tier.clear())
        assert set(found) <= {b"again", None}
        assert await tier.get(b"back") is None
        assert tier.statistics()["failed"] < 100  # one may by a pause; a thousand at once do not take each other's time
        await tier.close()

    asyncio.run(run())


def test_a_url_of_nothing_known_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"'http://\*\*\*@host' is no store of a cache; give redis://"):
        remote("http://user:secret@host", TIMEOUT)
    with pytest.raises(ConfigurationError, match="memcached://localhost:11211"):
        remote("memcached://host:port", TIMEOUT)
