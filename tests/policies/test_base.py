"""Merging of policies: inner over outer, categories in order, Off at any level."""

from itertools import product
from typing import Any, ClassVar

import pytest

from stanchion.errors import RouteError
from stanchion.policies.base import Category, Off, Policy, merge
from stanchion.policies.body_limit import BodyLimit
from stanchion.policies.hooks import After, Before
from stanchion.policies.timeout import Timeout


class Observer(Policy, frozen=True, kw_only=True):
    category: ClassVar[Category] = Category.OBSERVE


async def hook(*_: Any) -> None: ...


async def other(*_: Any) -> None: ...


def test_the_innermost_of_a_class_wins() -> None:
    merged = merge([Timeout(seconds=3)], [Timeout(seconds=2)], [Timeout(seconds=1)])
    assert merged == (Timeout(seconds=1),)


def test_order_is_by_category_whatever_the_order_of_declaration() -> None:
    declared = [Before(hook=hook), Timeout(seconds=1), BodyLimit(bytes=1), Observer()]
    for order in (declared, declared[::-1]):
        assert [policy.category for policy in merge(order)] == sorted(policy.category for policy in declared)


def test_hooks_stack_from_the_app_inwards() -> None:
    merged = merge([Before(hook=hook)], [Before(hook=other)], [After(hook=hook)])
    assert merged == (Before(hook=hook), Before(hook=other), After(hook=hook))


@pytest.mark.parametrize("level", [1, 2])
def test_off_takes_away_what_is_inherited(level: int) -> None:
    levels: list[list[Any]] = [[Timeout(seconds=1), BodyLimit(bytes=5)], [], []]
    levels[level] = [Off(Timeout)]
    assert merge(*levels) == (BodyLimit(bytes=5),)


def test_a_level_below_off_can_declare_again() -> None:
    assert merge([Timeout(seconds=1)], [Off(Timeout)], [Timeout(seconds=2)]) == (Timeout(seconds=2),)


def test_merging_agrees_with_the_rule_said_plainly() -> None:
    choices: list[list[Any]] = [[], [Timeout(seconds=1)], [Off(Timeout)], [Timeout(seconds=2)]]
    for levels in product(choices, repeat=3):
        said = next((level[0] for level in reversed(levels) if level), None)
        expected = (said,) if isinstance(said, Timeout) else ()
        assert merge(*levels) == expected


def test_what_is_no_policy_is_named() -> None:
    with pytest.raises(RouteError, match="5 is not a policy"):
        merge([5])


@pytest.mark.parametrize("seconds", [0, -1, "1"])
def test_a_value_out_of_range_is_refused_where_it_is_declared(seconds: Any) -> None:
    with pytest.raises(RouteError, match=r"Timeout\(seconds="):
        Timeout(seconds=seconds)
