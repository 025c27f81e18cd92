"""What a worker is replaced for, and when."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.cluster.recycle import LAG_LASTS, MOST_JITTER, Limits, Recycler, Sample
from stanchion.settings import Settings

WELL = {"requests": 0, "age": 0.0, "rss": 0, "loop_lag": 0.0}


def sample(**values: float) -> Sample:
    """A worker that is well but for `values`."""
    return Sample(**(WELL | values))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("limit", "stays", "goes", "reason"),
    [
        ("requests", 999, 1000, "requests"),
        ("age", 999.9, 1000.0, "age"),
        ("rss", 1000, 1001, "rss"),
    ],
)
def test_a_limit_that_is_reached_is_the_reason(limit: str, stays: float, goes: float, reason: str) -> None:
    recycler = Recycler(Limits(**{limit: 1000}))  # type: ignore[arg-type]
    assert recycler.reason(0.0, sample(**{limit: stays})) is None
    assert recycler.reason(0.0, sample(**{limit: goes})) == reason


def test_zero_is_never() -> None:
    recycler = Recycler(Limits())
    for now in range(100):
        most = Sample(requests=10**15, age=1e9, rss=10**15, loop_lag=1e6)
        assert recycler.reason(float(now), most) is None


def test_lag_has_to_last() -> None:
    recycler = Recycler(Limits(loop_lag=0.5))
    found = [recycler.reason(now / 2, sample(loop_lag=0.6)) for now in range(25)]
    assert found == [None] * int(LAG_LASTS * 2) + ["loop-lag"] * 5


def test_one_sample_without_lag_begins_it_anew() -> None:
    recycler = Recycler(Limits(loop_lag=0.5))
    for now in range(10):
        assert recycler.reason(float(now), sample(loop_lag=2.0)) is None
    assert recycler.reason(9.5, sample(loop_lag=0.5)) is None
    assert "lagging" not in repr(recycler)
    assert [recycler.reason(float(now), sample(loop_lag=2.0)) for now in range(10, 21)] == [None] * 10 + ["loop-lag"]
    assert "lagging" in repr(recycler)


def test_lag_at_both_ends_of_a_gap_is_not_lag_in_between() -> None:
    recycler = Recycler(Limits(loop_lag=0.5))
    assert recycler.reason(0.0, sample(loop_lag=1.0)) is None
    assert recycler.reason(60.0, sample(loop_lag=1.0)) is None


@given(st.integers(), st.integers(1, 10**12), st.floats(1, 1e7), st.integers(1, 1 << 40), st.floats(0.001, 3600))
def test_limits_are_the_settings_with_up_to_a_fifth_on_top(
    seed: int, requests: int, age: float, rss: int, lag: float
) -> None:
    settings = Settings(recycle_requests=requests, recycle_age=age, recycle_rss=rss, recycle_loop_lag=lag)
    limits = Recycler.of(settings, Random(seed)).limits
    assert requests <= limits.requests <= requests * MOST_JITTER
    assert age <= limits.age <= age * MOST_JITTER
    assert (limits.rss, limits.loop_lag) == (rss, lag)


def test_workers_started_together_are_not_due_together() -> None:
    random = Random(7)
    due = {Limits.of(Settings(recycle_requests=10_000), random).requests for _ in range(8)}
    assert len(due) == 8
    assert max(due) - min(due) > 500


def test_without_limits_in_the_settings_there_are_none() -> None:
    assert Limits.of(Settings(), Random(1)) == Limits()
