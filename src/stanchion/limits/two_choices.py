"""Which of several equals is asked: the better of two chosen at random (Mitzenmacher 2001).

The best of all would send every worker's next call to the same one; of two, the herd splits, and the slow are still
avoided.
"""

from collections.abc import Callable, Sequence
from math import exp
from random import random
from typing import TypeVar

C = TypeVar("C")
_FADE = 10.0
"""Seconds in which what was measured of one that is not asked loses two thirds of its weight."""
_WEIGHT = 0.1
"""Of one answer in the average."""


class Latency:
    """What one of them takes to answer, on average; seconds of one clock, which is passed in."""

    def __init__(self) -> None:
        self.average = 0.0
        self._measured = 0.0

    def __repr__(self) -> str:
        return f"<Latency {self.average * 1e3:.3g} ms>"

    def took(self, seconds: float, now: float) -> None:
        """An answer has come."""
        self.average = seconds if self.average == 0.0 else self.average + (seconds - self.average) * _WEIGHT
        self._measured = now

    def cost(self, busy: int, now: float) -> float:
        """What asking it costs: calls under way by the average latency, which fades, so that one which was slow is
        tried again."""
        return (busy + 1) * (self.average * exp((self._measured - now) / _FADE) + 1e-6)


def better_of_two(candidates: Sequence[C], cost: Callable[[C], float], chance: Callable[[], float] = random) -> C:
    """One of the candidates, of which there is at least one; `chance` gives numbers from 0 to below 1."""
    count = len(candidates)
    if count == 1:
        return candidates[0]
    first = int(chance() * count)
    second = int(chance() * (count - 1))
    second += second >= first
    one, other = candidates[first], candidates[second]
    return one if cost(one) <= cost(other) else other
