"""The way to Redis: batched, bounded, and cut by a breaker while the server fails."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from stanchion.errors import ConfigurationError
from stanchion.limits.gcra import Gcra
from stanchion.limits.redis_gate import PROBE, RedisGate, StoreFailed
from stanchion.limits.redis_script import check_of
from stanchion.limits.redis_store import RedisStore
from tests.limits.redis_server import FaultProxy, RedisServer, needs_redis
from tests.ports import free_port

pytestmark = needs_redis
RULE = Gcra(interval=3600 * 10**9, burst=500)
TIMEOUT = 0.05
MARGIN = 2.0
"""Seconds that a busy machine may add to a bound."""


def with_gate(url: str, work: Callable[[RedisGate], Awaitable[Any]]) -> None:
    async def main() -> None:
        gate = RedisGate(url, TIMEOUT)
        try:
            await gate.open()
            await work(gate)
        finally:
            await gate.close()

    asyncio.run(main())


async def outcome(gate: RedisGate, key: bytes = b"k") -> bool | None:
    """Allowed, refused, or None where the store has failed; within the bound in any case."""
    began = time.monotonic()
    try:
        return (await gate.take(key, check_of(RULE, 1))).allowed
    except StoreFailed:
        return None
    finally:
        assert time.monotonic() - began < 2 * TIMEOUT + MARGIN


async def opened(gate: RedisGate) -> float:
    """Ask until the breaker is open; seconds that took."""
    began = time.monotonic()
    while not gate.broken and time.monotonic() - began < 20:
        await outcome(gate)
        await asyncio.sleep(0.005)
    return time.monotonic() - began


async def recovered(gate: RedisGate) -> float:
    """Ask until there is an answer; seconds that took."""
    began = time.monotonic()
    while await outcome(gate, b"after") is None and time.monotonic() - began < 20:
        await asyncio.sleep(0.01)
    return time.monotonic() - began


def test_a_crowd_is_decided_in_few_calls_and_exactly(shared_redis: RedisServer) -> None:
    async def work(gate: RedisGate) -> None:
        outcomes = await asyncio.gather(*(outcome(gate, b"crowd") for _ in range(1000)))
        assert outcomes.count(True) == 500
        assert outcomes.count(False) == 500
        statistics = gate.statistics()
        assert statistics["checks"] == 1000
        assert statistics["batches"] <= 8

    with_gate(shared_redis.url, work)


def test_a_node_of_a_cluster_is_an_error_at_start(tmp_path: Path) -> None:
    server = RedisServer(tmp_path, "--cluster-enabled", "yes", "--cluster-port", str(free_port()))

    async def main() -> None:
        gate = RedisGate(server.url, 5.0)
        try:
            with pytest.raises(ConfigurationError, match=r"store='redis://.*is a node of a Redis Cluster.*expected a"):
                await gate.open()
        finally:
            await gate.close()

    try:
        asyncio.run(main())
    finally:
        server.kill()


def test_who_leaves_does_not_disturb_the_batch(shared_redis: RedisServer) -> None:
    async def work(gate: RedisGate) -> None:
        tasks = [asyncio.create_task(outcome(gate, b"leaving")) for _ in range(6)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert found[1::2] == [True] * 3
        assert all(isinstance(error, asyncio.CancelledError) for error in found[::2])

    with_gate(shared_redis.url, work)


def test_a_server_killed_and_restarted(redis_server: RedisServer) -> None:
    async def work(gate: RedisGate) -> None:
        assert await outcome(gate) is True
        redis_server.kill()
        assert await opened(gate) < 5
        assert await outcome(gate) is None
        await asyncio.sleep(2 * PROBE)  # a probe that fails changes nothing
        assert gate.broken
        redis_server.start()
        assert await recovered(gate) < 10
        assert await outcome(gate) is True  # the script is there again

    with_gate(redis_server.url, work)


@pytest.mark.parametrize("fault", ["delay", "black_hole"])
def test_a_server_that_does_not_answer_in_time(redis_server: RedisServer, fault_proxy: FaultProxy, fault: str) -> None:
    async def work(gate: RedisGate) -> None:
        assert await outcome(gate) is True
        setattr(fault_proxy, fault, 0.5 if fault == "delay" else True)
        assert await opened(gate) < 5
        assert await outcome(gate) is None
        setattr(fault_proxy, fault, 0)
        assert await recovered(gate) < 10

    with_gate(fault_proxy.url, work)


def test_those_that_wait_behind_a_stuck_call_fail_with_it(redis_server: RedisServer, fault_proxy: FaultProxy) -> None:
    async def work(gate: RedisGate) -> None:
        assert await outcome(gate) is True
        fault_proxy.black_hole = True
        assert await asyncio.gather(*(outcome(gate) for _ in range(1000))) == [None] * 1000
        assert gate.statistics()["waiting"] == 0

    with_gate(fault_proxy.url, work)


def test_a_late_loop_is_not_the_servers_fault(shared_redis: RedisServer) -> None:
    async def work(gate: RedisGate) -> None:
        assert await outcome(gate) is True
        asking = asyncio.create_task(outcome(gate))
        await asyncio.sleep(0.001)
        time.sleep(2 * TIMEOUT)
        assert await asking is True

    with_gate(shared_redis.url, work)


def test_a_lease_is_spent_without_asking_and_given_back(shared_redis: RedisServer) -> None:
    async def work(gate: RedisGate) -> None:
        store = RedisStore(gate, "leased", RULE, lease=20)
        decisions = [await store.take("a", 1, 0) for _ in range(21)]
        assert [decision.remaining for decision in decisions] == list(range(499, 478, -1))
        assert gate.statistics()["checks"] == 1
        await store.take("a", 1, 0)
        assert store.leases.outstanding == 20
        await store.close()
        assert store.leases.outstanding == 0
        grant = await gate.take(b"stanchion:limit:leased:a", check_of(RULE, 1))
        assert grant.remaining == 500 - 23

    with_gate(shared_redis.url, work)


def test_a_long_name_is_hashed(shared_redis: RedisServer) -> None:
    async def work(gate: RedisGate) -> None:
        store = RedisStore(gate, "long", RULE)
        assert [(await store.take(name, 1, 0)).remaining for name in ("x" * 5000, "y" * 5000, "x" * 5000)] == [
            499,
            499,
            498,
        ]

    with_gate(shared_redis.url, work)


def test_what_is_no_url_is_told_without_its_password() -> None:
    with pytest.raises(ConfigurationError, match=r"store='http://\*\*\*@cache.*give a URL such as redis://") as caught:
        RedisGate("http://me:secret@cache/0", TIMEOUT)
    assert "secret" not in str(caught.value)
