"""The algorithms against models that keep every request; the clock is a number."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stanchion.errors import ConfigurationError
from stanchion.limits.decision import NOTHING, Rule, State
from stanchion.limits.gcra import Gcra
from stanchion.limits.rate import parse_rate
from stanchion.limits.sliding_window import SlidingWindow
from tests.limits.models import EvenRate, TwoWindows

SECOND = 10**9
START = 10**15  # a monotonic clock does not begin at zero

requests = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 4)), max_size=40)


class Client:
    """One client's state under a rule."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.state: State = NOTHING

    def ask(self, now: int, cost: int, patience: int = 0):  # type: ignore[no-untyped-def]
        """Decide and keep the state."""
        new, decision = self.rule.step(self.state, now, cost, patience)
        self.state = new or self.state
        return decision

    def would(self, now: int, cost: int):  # type: ignore[no-untyped-def]
        """Decide without consequence."""
        return self.rule.step(self.state, now, cost, 0)[1]


def against(client: Client, model: EvenRate | TwoWindows, asked: list[tuple[int, int]]) -> None:
    now = START
    for later, cost in asked:
        now += later
        cost = min(cost, client.rule.most)
        before = client.state
        decision = client.ask(now, cost)
        assert decision.allowed == model.fits(now, cost)
        assert decision.delay == 0
        if decision.allowed:
            model.admitted.append((now, cost))
            assert decision.retry_after == 0
        else:
            assert client.state == before
            # told when: then it is allowed, and not an instant before
            assert decision.retry_after > 0
            assert model.fits(now + decision.retry_after, cost)
            assert not model.fits(now + decision.retry_after - 1, cost)
        # told how many: so many more fit, and no more
        assert decision.remaining == 0 or model.fits(now, decision.remaining)
        assert not model.fits(now, decision.remaining + 1)
        # a state that has expired, or a quota that is back, equals none
        for over in (client.state[0], now + decision.reset):
            if over >= now:
                assert client.would(over, 1).remaining == Client(client.rule).would(over, 1).remaining


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(1, 8), requests)
def test_gcra_is_an_even_rate_with_a_burst(interval: int, burst: int, asked: list[tuple[int, int]]) -> None:
    against(Client(Gcra(interval=interval, burst=burst)), EvenRate(interval, burst), asked)


@settings(deadline=None)
@given(st.integers(1, 8), st.integers(1, 60), requests)
def test_the_window_is_the_estimate(count: int, window: int, asked: list[tuple[int, int]]) -> None:
    against(Client(SlidingWindow(count=count, window=window)), TwoWindows(count, window), asked)


@settings(deadline=None)
@given(st.integers(1, 8), st.integers(1, 60), requests)
def test_no_aligned_window_has_more_than_the_count(count: int, window: int, asked: list[tuple[int, int]]) -> None:
    client, now, admitted = Client(SlidingWindow(count=count, window=window)), START, {}
    for later, _ in asked:
        now += later
        if client.ask(now, 1).allowed:
            admitted[now // window] = admitted.get(now // window, 0) + 1
    assert max(admitted.values(), default=0) <= count


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(1, 5), st.integers(0, 100), requests)
def test_who_waits_is_served_at_the_rate(
    interval: int, burst: int, patience: int, asked: list[tuple[int, int]]
) -> None:
    """The instants of serving keep to the rate as if they had been asked for then, in order."""
    client, model, now = Client(Gcra(interval=interval, burst=burst)), EvenRate(interval, burst), START
    for later, cost in asked:
        now += later
        cost = min(cost, burst)
        decision = client.ask(now, cost, patience)
        if decision.allowed:
            assert 0 <= decision.delay <= patience
            served = now + decision.delay
            assert model.fits(served, cost)
            assert decision.delay == 0 or not model.fits(served - 1, cost)
            model.admitted.append((served, cost))
        else:
            assert decision.retry_after > patience


def test_gcra_by_hand() -> None:
    client = Client(Gcra.of(parse_rate("60/min"), 3))
    assert [client.ask(START, 1).remaining for _ in range(3)] == [2, 1, 0]
    refused = client.ask(START, 1)
    assert (refused.allowed, refused.retry_after, refused.reset) == (False, SECOND, 3 * SECOND)
    assert not client.ask(START + SECOND - 1, 1).allowed
    assert client.ask(START + SECOND, 1).allowed
    assert client.ask(START + 3600 * SECOND, 3).allowed


def test_the_interval_is_rounded_to_the_safe_side() -> None:
    assert Gcra.of(parse_rate("7/s"), 1).interval == 142_857_143
    with pytest.raises(ConfigurationError, match=r"burst=100: .*73 years"):
        Gcra.of(parse_rate("1/366d"), 100)


def test_a_window_of_long_ago_is_not_taken_for_this_one() -> None:
    rule = SlidingWindow.of(parse_rate("2/s"))
    client = Client(rule)
    assert client.ask(START, 2).allowed
    assert not client.ask(START, 1).allowed
    assert client.ask(START + 2 * SECOND, 2).allowed
    assert client.ask(START + 5 * SECOND, 2).allowed
