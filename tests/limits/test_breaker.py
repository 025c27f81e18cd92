"""The breaker: its window against a list of all calls, its probability against the formula, and its way back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.limits.breaker import Breaker

calls = st.lists(st.tuples(st.floats(0, 5), st.booleans(), st.floats(0, 0.999)), max_size=200)


@given(calls)
def test_it_refuses_as_the_book_says_over_its_window(calls: list[tuple[float, bool, float]]) -> None:
    chances: list[float] = []
    breaker = Breaker(window=20.0, chance=lambda: chances[-1])
    made: list[float] = []
    answered: list[float] = []
    now, probed, streak, failures = 100.0, 0.0, 0, 0
    for pause, succeeds, chance in calls:
        now += pause
        chances.append(chance)
        oldest = int(now) - 20  # slices of one second
        requests = sum(int(at) > oldest for at in made)
        accepts = sum(int(at) > oldest for at in answered)
        refusing = max(0.0, (requests - 2 * accepts) / (requests + 1)) if requests >= 5 else 0.0
        if failures >= 20:
            refusing = 1.0
        expected = chance >= refusing or now - probed >= 0.25
        if refusing and chance < refusing and expected:
            probed = now
        assert breaker.allows(now) == expected
        made.append(now)
        if not expected:
            continue
        if not succeeds:
            breaker.failed(now)
            streak = 0
            failures += 1
            continue
        streak += 1
        failures = 0
        requests = sum(int(at) > oldest for at in made)
        if streak >= 5 and requests >= 5 and requests > 2 * accepts:
            made, answered = [], []
        else:
            answered.append(now)
        breaker.accepted(now)


def test_a_dependency_that_answers_is_never_kept_from() -> None:
    breaker = Breaker(chance=lambda: 0.2)
    for turn in range(1000):
        assert breaker.allows(turn / 10)
        if turn % 2:
            breaker.accepted(turn / 10)  # half of the calls fail: K = 2 lets that pass
        else:
            breaker.failed(turn / 10)
    assert breaker.refusing == pytest.approx(0, abs=0.01)


def test_one_that_accepts_nothing_is_asked_four_times_a_second() -> None:
    breaker = Breaker(chance=lambda: 0.0)
    let_through = 0
    for turn in range(100, 3000):
        if breaker.allows(turn / 100):
            let_through += 1
            breaker.failed(turn / 100)
    assert let_through <= 29 * 4 + 5


def test_calls_that_are_under_way_are_no_failures() -> None:
    breaker = Breaker(chance=lambda: 0.0)
    assert all(breaker.allows(1.0) for _ in range(100))
    for _ in range(100):
        breaker.accepted(1.5)
    assert breaker.statistics() == {"requests": 100, "accepts": 100, "refusing": 0.0}


def test_after_twenty_failures_in_a_row_only_probes_go_out_until_one_is_answered() -> None:
    breaker = Breaker(chance=lambda: 0.999)
    for turn in range(3000):  # half a window that was well
        assert breaker.allows(turn / 200)
        breaker.accepted(turn / 200)
    tried = 0
    for turn in range(3000, 3200):
        if breaker.allows(turn / 200):
            tried += 1
            breaker.failed(turn / 200)
    assert 20 < tried <= 20 + 4
    assert breaker.refusing == 1.0
    assert breaker.allows(16.5)
    breaker.accepted(16.5)
    assert breaker.refusing == 0.0


def test_it_recovers_within_seconds_of_the_first_answers() -> None:
    breaker = Breaker(chance=lambda: 0.5)
    for turn in range(3000):  # an outage of 30 seconds
        if breaker.allows(turn / 100):
            breaker.failed(turn / 100)
    assert breaker.refusing > 0.99
    for turn in range(3000, 3200):
        if breaker.allows(turn / 100):
            breaker.accepted(turn / 100)
    assert breaker.statistics()["refusing"] == 0.0
