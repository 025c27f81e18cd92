"""How long a slot waits after crashes."""

from hypothesis import given
from hypothesis import strategies as st

from stanchion.cluster.backoff import FIRST_WAIT, LONGEST_WAIT, STABLE, Backoff


def test_the_first_crash_costs_nothing_and_each_further_one_twice_the_last() -> None:
    backoff = Backoff()
    waits = [backoff.failed(now) for now in range(10)]
    assert waits == [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 15.0]
    assert backoff.statistics() == {"failures": 10, "wait": 15.0}
    assert repr(backoff) == "<Backoff after 10 failures: 15 s>"


def test_crashes_are_forgotten_once_a_worker_has_served_for_long_enough() -> None:
    backoff = Backoff()
    for now in range(5):
        backoff.failed(now)
    backoff.started(100.0)
    assert backoff.failed(100.0 + STABLE - 0.01) == 1.6
    backoff.started(200.0)
    assert backoff.failed(200.0 + STABLE) == 0.0
    assert backoff.failed(1_000.0) == FIRST_WAIT


def test_time_without_a_worker_is_not_stable() -> None:
    backoff = Backoff()
    backoff.started(0.0)
    backoff.failed(1.0)
    assert [backoff.failed(now) for now in (1_000.0, 2_000.0)] == [0.1, 0.2]


def test_jitter_is_the_callers_factor() -> None:
    backoff = Backoff()
    assert backoff.failed(0, 1.2) == 0.0
    assert backoff.failed(0, 0.8) == 0.8 * FIRST_WAIT


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 100))))
def test_waits_are_bounded_and_double_at_most(steps: list[tuple[bool, float]]) -> None:
    backoff, now, last = Backoff(), 0.0, 0.0
    for starts, passed in steps:
        now += passed
        if starts:
            backoff.started(now)
            continue
        wait = backoff.failed(now)
        assert 0.0 <= wait <= min(LONGEST_WAIT, max(2 * last, FIRST_WAIT))
        last = wait


@given(st.integers(1, 3_000))
def test_no_number_of_crashes_is_too_many(crashes: int) -> None:
    backoff = Backoff()
    for _ in range(crashes):
        wait = backoff.failed(0.0)
    assert (wait == LONGEST_WAIT) == (crashes > 9)
