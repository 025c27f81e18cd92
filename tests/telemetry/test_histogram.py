"""The histogram's shape: every duration has one bucket, as wide as promised."""

from bisect import bisect_right
from math import ceil, inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stanchion.board.layout import BUCKETS
from stanchion.telemetry.histogram import bucket_of, lower_bound, quantile, upper_bound

durations = st.one_of(st.integers(0, 10_000), st.integers(0, 2**28), st.integers(0, 2**63))
TOP = 2**27


def test_buckets_follow_one_another_from_zero() -> None:
    bounds = [lower_bound(bucket) for bucket in range(BUCKETS)]
    assert bounds[0] == 0
    assert bounds == sorted(set(bounds))
    assert [upper_bound(bucket) for bucket in range(BUCKETS)] == [*bounds[1:], inf]
    assert bounds[-1] == TOP


@settings(deadline=None)
@given(durations)
def test_a_duration_lies_within_its_bucket(microseconds: int) -> None:
    bucket = bucket_of(microseconds)
    assert 0 <= bucket < BUCKETS
    assert lower_bound(bucket) <= microseconds < upper_bound(bucket)


@settings(deadline=None)
@given(durations)
def test_a_bucket_is_at_most_a_quarter_as_wide_as_its_lower_bound(microseconds: int) -> None:
    bucket = bucket_of(microseconds)
    low, high = lower_bound(bucket), upper_bound(bucket)
    if microseconds < 8:
        assert (low, high) == (microseconds, microseconds + 1)
    elif microseconds < TOP:
        assert (high - low) * 4 <= low


@pytest.mark.parametrize("power", range(2, 28))
def test_every_power_of_two_is_a_bound(power: int) -> None:
    assert lower_bound(bucket_of(1 << power)) == 1 << power


@settings(deadline=None)
@given(st.lists(st.integers(0, TOP - 1), min_size=1, max_size=50), st.floats(0, 1))
def test_a_quantile_is_within_an_eighth(values: list[int], q: float) -> None:
    counts = [0] * BUCKETS
    for value in values:
        counts[bucket_of(value)] += 1
    true = sorted(values)[max(1, ceil(q * len(values))) - 1]
    told = quantile(counts, q)
    assert told is not None
    assert abs(told - true) <= true / 8
    if true < 8:
        assert told == true


@settings(deadline=None)
@given(st.lists(durations, min_size=1, max_size=50))
def test_quantiles_grow(values: list[int]) -> None:
    counts = [0] * BUCKETS
    for value in values:
        counts[bucket_of(value)] += 1
    told = [quantile(counts, q / 10) or 0 for q in range(11)]
    assert told == sorted(told)
    assert bisect_right(told, TOP) == len(told)


def test_of_nothing_there_is_no_quantile() -> None:
    assert quantile([0] * BUCKETS, 0.5) is None
    assert quantile([], 0.5) is None


def test_beyond_the_last_bound_its_value_is_told() -> None:
    counts = [0] * BUCKETS
    counts[bucket_of(10**12)] = 3
    assert quantile(counts, 0.99) == float(TOP)
