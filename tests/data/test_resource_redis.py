"""A served app whose store is a real Redis behind `app.resource`: exhausted, black-holed, killed and back."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as Unconnected
from redis.exceptions import TimeoutError as TimedOut

from stanchion import App
from stanchion.telemetry.tallies import BulkheadCell, DependencyCell
from tests.limits.redis_server import FaultProxy, RedisServer, needs_redis
from tests.wire.client import Client, get
from tests.wire.reader import Answer
from tests.wire.serving import Serving

pytestmark = needs_redis


class Shop:
    """The served app, its Redis, and a proxy between them."""

    def __init__(self, folder: Path) -> None:
        self.server = RedisServer(folder)
        self.proxy = FaultProxy(self.server.port)
        self.app = App("shop", timeout=0.5)
        self.store = self.app.resource(
            "redis",
            open=self.connect,
            close=Redis.aclose,
            check=Redis.ping,
            concurrency=4,
            failures=(Unconnected, TimedOut),
        )
        self.declare()
        self.serving = Serving("uvloop", self.app)

    async def connect(self) -> Redis:
        return Redis.from_url(self.proxy.url, decode_responses=True)

    def declare(self) -> None:
        app, store = self.app, self.store

        @app.get("/visits")
        async def visits() -> int:
            async with store.client() as redis:  # once: a visit is not to be counted twice
                return await redis.incr("visits")

        @app.get("/names/{key}")
        async def name(key: str) -> str | None:
            return await store.call(Redis.get, key)

        @app.get("/slow/{seconds}", timeout=5)
        async def slow(seconds: float) -> int:
            async with store.client() as redis:
                await redis.blpop(["nothing"], timeout=seconds)
            return 1

        @app.get("/plain")
        async def plain() -> str:
            return "ok"

        @app.get("/ready", timeout=5)
        async def ready() -> str:
            await app.checks["redis"]()
            return "ok"

    def close(self) -> None:
        assert self.serving.stop() == []
        self.proxy.stop()
        self.server.kill()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.close()


def asked(client: Client, path: str) -> Answer:
    return client.send(get(path)).answer()


def problem(answer: Answer) -> tuple[int, str]:
    return answer.status, json.loads(answer.body)["code"]


def plain_within(shop: Shop, seconds: float) -> None:
    """The route without the store answers, of fifty times in a row 45 within `seconds`: the machine has pauses."""
    taken = []
    with shop.serving.connect() as client:
        for _ in range(50):
            began = time.monotonic()
            assert asked(client, "/plain").status == 200
            taken.append(time.monotonic() - began)
    assert sorted(taken)[44] < seconds


def recovered_within(shop: Shop, seconds: float) -> None:
    end = time.monotonic() + seconds
    with shop.serving.connect() as client:
        while asked(client, "/visits").status != 200:
            assert time.monotonic() < end, f"not back after {seconds} s"
            time.sleep(0.02)


def test_calls_are_counted_by_the_name(shop: Shop) -> None:
    with shop.serving.connect() as client:
        assert [asked(client, "/visits").body for _ in range(3)] == [b"1", b"2", b"3"]
        assert asked(client, "/names/visits").status == 200
        assert asked(client, "/ready").status == 200
    assert shop.store.counts[BulkheadCell.SERVED] == 4
    assert shop.app.dependencies["redis"].counts[DependencyCell.CALLED] == 4


def test_a_store_that_is_exhausted_keeps_nobody_else_waiting(shop: Shop) -> None:
    busy = [shop.serving.connect() for _ in range(4)]
    for client in busy:
        client.send(get("/slow/2"))
    time.sleep(0.1)
    plain_within(shop, 0.1)
    began = time.monotonic()
    with shop.serving.connect() as client:
        late = asked(client, "/visits")
    assert time.monotonic() - began < 1.5
    assert problem(late) in {(503, "dependency-busy"), (504, "deadline-exceeded")}  # milliseconds lie between them
    assert [client.answer().status for client in busy] == [200] * 4
    recovered_within(shop, 6)


def test_a_store_that_says_nothing_any_more(shop: Shop) -> None:
    with shop.serving.connect() as client:
        assert asked(client, "/visits").status == 200
        shop.proxy.black_hole = True
        began = time.monotonic()
        assert problem(asked(client, "/visits")) in {(504, "dependency-timeout"), (504, "deadline-exceeded")}
        assert time.monotonic() - began < 3
        plain_within(shop, 0.1)
        shop.proxy.black_hole = False
    recovered_within(shop, 6)


def test_a_killed_store_and_its_return(shop: Shop) -> None:
    with shop.serving.connect() as client:
        assert asked(client, "/visits").status == 200
        shop.server.kill()
        for path in ("/visits", "/names/visits"):
            answer = asked(client, path)
            assert (*problem(answer), answer.headers["retry-after"]) == (503, "dependency-unavailable", "1")
        assert asked(client, "/ready").status == 500
        plain_within(shop, 0.1)
        shop.server.start()
    recovered_within(shop, 6)
    with shop.serving.connect() as client:
        assert asked(client, "/ready").status == 200
