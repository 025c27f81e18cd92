"""The Lua of the algorithms decides as the Python does, which has models of its own."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from stanchion.limits.decision import NOTHING, Rule, State
from stanchion.limits.gcra import Gcra
from stanchion.limits.redis_script import SCRIPT, SHARE, Check, Grant, check_of, grants, pack
from stanchion.limits.sliding_window import SlidingWindow
from tests.limits.redis_server import RedisServer, needs_redis

pytestmark = needs_redis
MICROSECOND = 1000
START = 1_785_600_000_000_000
"""Microseconds of a server's clock."""
UNIT = 1 << 30
"""Microseconds, 18 minutes: the clock that the script is given goes on by units, and none passes on the server's own,
by which keys expire. A power of two, so that the share of a window is exact in binary fractions."""

rules = st.one_of(
    st.builds(Gcra, interval=st.integers(1, 30).map(lambda n: n * UNIT * MICROSECOND), burst=st.integers(1, 8)),
    st.builds(
        SlidingWindow, count=st.integers(1, 8), window=st.integers(1, 6).map(lambda n: 2**n * UNIT * MICROSECOND)
    ),
)
batches = st.lists(
    st.tuples(
        st.integers(0, 40), st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 4)), min_size=1, max_size=5)
    ),
    max_size=8,
)


@pytest.fixture(scope="module")
def client(shared_redis: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis("127.0.0.1", shared_redis.port) as client:
        yield client


def run(client: redis.Redis, keys: list[str], checks: list[Check], now: int | str = "") -> Any:
    return grants(client.eval(SCRIPT, len(keys), *keys, pack(checks), now), len(checks))  # type: ignore[arg-type]


@settings(deadline=None, max_examples=150)
@given(rule=rules, asked=batches, patience=st.sampled_from([0, 25 * UNIT]))
def test_it_decides_as_the_algorithm_does(client: redis.Redis, rule: Rule, asked: Any, patience: int) -> None:
    client.flushall()
    states: dict[str, State] = {}
    now = START
    for later, batch in asked:
        now += later * UNIT
        keys = [key for key, _ in batch]
        found = run(client, keys, [check_of(rule, cost, patience * MICROSECOND) for _, cost in batch], now)
        for (key, cost), grant in zip(batch, found, strict=True):
            state, decision = rule.step(
                states.get(key, NOTHING), now * MICROSECOND, min(cost, rule.most), patience * MICROSECOND
            )
            states[key] = state or states.get(key, NOTHING)
            retry_after = -(-decision.retry_after // MICROSECOND) * MICROSECOND
            expected = (decision.allowed, decision.remaining, retry_after, decision.reset, decision.delay)
            assert grant == Grant(*expected)


def test_without_a_clock_it_is_the_servers_own(client: redis.Redis) -> None:
    client.flushall()
    rule = Gcra(interval=3600 * 10**9, burst=2)
    assert [grant.allowed for grant in run(client, ["k"] * 3, [check_of(rule, 1)] * 3)] == [True, True, False]
    assert 7190 < client.ttl("k") <= 7201  # type: ignore[operator]


def test_a_lease_shrinks_near_the_limit_and_is_given_back(client: redis.Redis) -> None:
    client.flushall()
    rule = Gcra(interval=3600 * 10**9, burst=1000)
    blocks = []
    while True:
        (grant,) = run(client, ["k"], [check_of(rule, 1, lease=40)], START)
        if not grant.allowed:
            break
        blocks.append(1 + grant.leased)
    assert sum(blocks) == 1000
    assert blocks[0] == 41
    assert blocks[-SHARE:] == [1] * SHARE
    assert blocks == sorted(blocks, reverse=True)
    run(client, ["k"], [check_of(rule, -7)], START)
    assert [run(client, ["k"], [check_of(rule, 1)], START)[0].allowed for _ in range(8)] == [True] * 7 + [False]
    run(client, ["k"], [check_of(rule, -5000)], START)
    assert run(client, ["k"], [check_of(rule, 1)], START)[0].remaining == 999  # never more than all


def test_no_checks_are_a_probe(client: redis.Redis) -> None:
    assert run(client, [], []) == []


def test_what_is_no_answer_is_told() -> None:
    with pytest.raises(ValueError, match="2 checks were answered with 1 numbers"):
        grants(b"\x91\x01", 2)
