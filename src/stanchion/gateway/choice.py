"""Which upstream gets a request: two are drawn, and the one with less to wait for is taken; who fails is left alone.

The better of two draws is nearly as good as the best of all, and unlike it does not send every worker's next request to
the same one (Mitzenmacher, The Power of Two Choices in Randomized Load Balancing, 2001). What there is to wait for is
the requests under way times how long the last ones took.
"""

from collections.abc import Callable, Sequence
from random import random

_FAILURES = 3
"""In a row, after which an upstream is left alone."""
_SHORTEST, _LONGEST = 1.0, 30.0
"""Seconds it is left alone for: the first time, and at the most."""
_WEIGHT = 0.2
"""Of the newest latency in the average."""


class Candidate:
    """What is known of one upstream; `busy` tells the requests under way."""

    __slots__ = ("_back_at", "_pause", "busy", "failures", "latency", "well")

    def __init__(self, busy: Callable[[], int]) -> None:
        self.busy = busy
        self.latency = 0.0
        self.failures = 0
        self.well = True  # as far as its health was asked
        self._back_at = 0.0
        self._pause = _SHORTEST

    def __repr__(self) -> str:
        state = "well" if self.well and not self.failures else f"{self.failures} failures" if self.well else "not well"
        return f"<Candidate {state}, {self.latency * 1000:.1f} ms>"

    def available(self, now: float) -> bool:
        """Whether it may get a request; one that was left alone for its time gets one to show what it can."""
        return self.well and (self.failures < _FAILURES or now >= self._back_at)

    @property
    def load(self) -> float:
        """What the next request would wait for."""
        return (self.busy() + 1) * (self.latency or 1e-6)

    def answered(self, seconds: float) -> None:
        """It has answered, so late."""
        self.failures = 0
        self._pause = _SHORTEST
        self.latency += (seconds - self.latency) * (_WEIGHT if self.latency else 1.0)

    def failed(self, now: float) -> None:
        """It has not."""
        self.failures += 1
        if self.failures >= _FAILURES:
            self._back_at = now + self._pause
            self._pause = min(2 * self._pause, _LONGEST)

    @property
    def back_at(self) -> float:
        """When it gets a request again."""
        return self._back_at


def choose(
    candidates: Sequence[Candidate], now: float, tried: Sequence[int] = (), draw: Callable[[], float] = random
) -> int:
    """The place of the one to ask, if it can be none of those `tried`; where none is available, the first one back."""
    left = [place for place in range(len(candidates)) if place not in tried] or list(range(len(candidates)))
    free = [place for place in left if candidates[place].available(now)]
    if not free:
        return min(left, key=lambda place: (not candidates[place].well, candidates[place].back_at))
    if len(free) == 1:
        return free[0]
    first = free.pop(int(draw() * len(free)))
    second = free[int(draw() * len(free))]
    return min(first, second, key=lambda place: candidates[place].load)
