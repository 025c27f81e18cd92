"""The better of two, by chances and a clock that the test holds."""

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.limits.two_choices import Latency, better_of_two


@given(st.lists(st.floats(0, 100), min_size=2, max_size=8, unique=True), st.randoms(use_true_random=False))
def test_the_worst_is_never_chosen(costs: list[float], random: Random) -> None:
    assert better_of_two(costs, float, random.random) != max(costs)


def test_equals_share_alike_and_one_alone_is_it() -> None:
    random = Random(1)
    got = Counter(better_of_two("abc", lambda _: 1.0, random.random) for _ in range(3000))
    assert min(got.values()) > 500
    assert better_of_two("a", lambda _: 1.0, random.random) == "a"


def test_calls_under_way_and_latency_cost() -> None:
    quick, slow = Latency(), Latency()
    quick.took(0.001, 10.0)
    slow.took(0.01, 10.0)
    assert quick.cost(3, 10.0) < slow.cost(0, 10.0) < quick.cost(12, 10.0)
    assert repr(slow) == "<Latency 10 ms>"


def test_one_that_was_slow_is_tried_again_some_time() -> None:
    slow, quick = Latency(), Latency()
    slow.took(5.0, 0.0)
    quick.took(0.05, 60.0)
    assert slow.cost(0, 20.0) > quick.cost(0, 60.0) > slow.cost(0, 60.0)


@pytest.mark.parametrize("chance", [lambda: 0.0, lambda: 0.999999])
def test_two_different_ones_are_compared(chance: Callable[[], float]) -> None:
    assert better_of_two([2, 1], float, chance) == 1
    assert better_of_two([1, 2], float, chance) == 1
