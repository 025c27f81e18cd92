"""Quantiles of a histogram are the quantiles of the values it counts."""

from collections import Counter
from statistics import quantiles

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.flights.store.delays import quantile


@given(st.lists(st.integers(-60, 1400), min_size=2, max_size=200), st.integers(1, 99))
def test_agrees_with_the_standard_library(delays: list[int], percent: int) -> None:
    histogram = sorted(Counter(delays).items())
    expected = quantiles(delays, n=100, method="inclusive")[percent - 1]
    assert quantile(histogram, percent / 100) == pytest.approx(expected, abs=1e-9)


def test_of_one_value_is_that_value() -> None:
    assert quantile([(7, 1)], 0.95) == 7
