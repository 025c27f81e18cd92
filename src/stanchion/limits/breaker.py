"""Client throttling, as Google's SRE book has it (Beyer et al., 2016, chapter 21), and the way back.

A call is refused here with probability max(0, (requests - K * accepts) / (requests + 1)) over a sliding window of
requests made and accepted. With K = 2 a dependency that fails gets at most one call more than twice what it accepts:
it is asked less the less it answers, with no threshold to set. Refusals here count as requests at once, calls when they
have ended: counted when they begin, a worker's first ten calls at one time would be eight too many.

By the formula alone an outage is noticed late: half the window has to fail before anything is refused, 15 s in which
each user who tries four times is four calls (measured: 3.1 calls a user through an outage of 10 s). So after twenty
failures in a row nothing but probes goes out. A dependency that still answers one call in ten gets there by chance now
and then (0.9^20 is one in eight); the next answer ends it.

The way back is half-open, as other breakers call it: one call in every `probe_every` seconds is let through whatever
the odds, and after five answers in a row what was before is forgotten. By the formula alone it takes several windows:
accepts have to outgrow the requests that were refused here, of which each let through only about two in its place.
"""

from collections import deque
from collections.abc import Callable
from random import random

_SLICES = 20
"""Parts of the window, so that counting takes bounded memory."""
_STREAK = 5
"""Answers in a row after which the past is forgotten."""
_DEAD = 20
"""Failures in a row after which only probes go out."""
_FEWEST = 5
"""Requests in the window below which nobody is refused: two failures in a quiet night are no outage."""


class Breaker:
    """Of one dependency; seconds of one clock, which is passed in."""

    __slots__ = (
        *("_accepts", "_chance", "_failures", "_k", "_probe_every", "_probed_at", "_requests", "_slices", "_streak"),
        "_width",
    )

    def __init__(
        self,
        *,
        k: float = 2.0,
        window: float = 30.0,
        probe_every: float = 0.25,
        chance: Callable[[], float] = random,
    ) -> None:
        """`window` and `probe_every` in seconds; `chance` gives numbers from 0 to 1."""
        self._k = k
        self._width = window / _SLICES
        self._probe_every = probe_every
        self._chance = chance
        self._slices: deque[list[int]] = deque()  # number of the slice, requests, accepts
        self._requests = self._accepts = 0
        self._probed_at = 0.0
        self._streak = self._failures = 0  # in a row

    def __repr__(self) -> str:
        return f"<Breaker {self._accepts} of {self._requests} accepted, refuses {self.refusing:.0%}>"

    def statistics(self) -> dict[str, float]:
        """Requests and accepts in the window, and the share that is refused now."""
        return {"requests": self._requests, "accepts": self._accepts, "refusing": self.refusing}

    @property
    def refusing(self) -> float:
        """The probability that a call is refused."""
        if self._failures >= _DEAD:
            return 1.0
        if self._requests < _FEWEST:
            return 0.0
        return max(0.0, (self._requests - self._k * self._accepts) / (self._requests + 1))

    def allows(self, now: float) -> bool:
        """Whether a call may be made. One that may ends in `accepted` or `failed`."""
        present = self._slice(now)
        refusing = self.refusing
        if refusing == 0.0 or self._chance() >= refusing:
            return True
        if now - self._probed_at >= self._probe_every:
            self._probed_at = now
            return True
        present[1] += 1
        self._requests += 1
        return False

    def accepted(self, now: float) -> None:
        """The dependency has answered."""
        self._failures = 0
        self._streak += 1
        self._requests += 1
        if self._streak >= _STREAK and self.refusing:
            self._slices.clear()
            self._requests = self._accepts = 0
            return
        present = self._slice(now)
        present[1] += 1
        present[2] += 1
        self._accepts += 1

    def failed(self, now: float) -> None:
        """It has not."""
        self._slice(now)[1] += 1
        self._requests += 1
        self._streak = 0
        self._failures += 1

    def _slice(self, now: float) -> list[int]:
        """The counts of the present slice; those that have left the window are dropped."""
        number = int(now / self._width)
        slices = self._slices
        while slices and slices[0][0] <= number - _SLICES:
            _, requests, accepts = slices.popleft()
            self._requests -= requests
            self._accepts -= accepts
        if not slices or slices[-1][0] < number:
            slices.append([number, 0, 0])
        return slices[-1]
