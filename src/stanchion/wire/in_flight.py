"""What is in flight in one worker, and how much may be: the adaptive limit in windows of time, and the pace of starts.

A window is 0.1 s. It is closed sooner when that matters: while the limit is still doubling, and when the loop was held
so long that a tenth of a second of refusals would be late before anything is done about it.
"""

import asyncio
from collections.abc import Callable, Hashable
from time import monotonic_ns, thread_time_ns
from typing import Final

from stanchion.limits.gradient import GradientLimit
from stanchion.limits.pacing import Pacing

_TICK: Final = 100_000_000
"""Nanoseconds of a window."""
_INITIAL: Final = 16
"""If each of them computes for 2 ms, the first round of the loop that is full of them takes 32 ms. At 256, which it was
before, the first second of an overload answered 45 % in time, and one refusal in a hundred took 640 ms."""
_LEAST: Final = 8
_TOLERATED: Final = 25_000_000
"""Nanoseconds the loop may be late. At 15 ms, tasks that wait for 5 ms and compute for 2 left a sixth of it idle."""


class InFlight:
    """The clock is `monotonic_ns`. `closed` is called after each window, with the new limit in place."""

    def __init__(self, most: int, loop: asyncio.AbstractEventLoop, closed: Callable[[], None]) -> None:
        """`most` that may ever be in flight."""
        self._loop = loop
        self._closed = closed
        self._estimate = GradientLimit(
            initial=min(_INITIAL, most), least=min(_LEAST, most), most=most, tolerated_lag=_TOLERATED / 1e9
        )
        self._pacing = Pacing(burst=_TOLERATED // 2)
        self.count = 0
        self.limit = self._estimate.limit
        self.lag = 0
        """Nanoseconds the loop was late in the last window."""
        self._peak = 0  # of `count` in this window, before one of it ended
        self._ended = 0  # in this window
        self._round = 0  # nanoseconds of a round of the loop in this window
        self._crowded = False
        self._opened = monotonic_ns()
        self._computed = thread_time_ns()  # by the loop's thread, until the window opened
        self._timer = loop.call_later(_TICK / 1e9, self._tick, self._opened + _TICK)

    def __repr__(self) -> str:
        return f"<InFlight {self.count} of {self.limit}>"

    def statistics(self) -> dict[str, int]:
        """Requests in flight, and their limit."""
        return {"in_flight": self.count, "limit": self.limit}

    @property
    def settled(self) -> bool:
        """Whether the limit has been found; before that it doubles."""
        return not self._estimate.starting

    def begin(self) -> None:
        """One more is in flight."""
        self.count += 1

    def end(self, route: Hashable, nanoseconds: int, *, counts: bool) -> None:
        """One less is; how long it took `counts` unless it ended for a reason that says nothing about the load."""
        if self.count > self._peak:  # it can only fall here
            self._peak = self.count
        self.count -= 1
        self._ended += 1
        if counts:
            self._estimate.sample(route, nanoseconds / 1e9)

    def has_room(self, now: int) -> bool:
        """Whether one of those that wait may start now; it is taken to do so."""
        return self.count < self.limit and self._pacing.take(now)

    def look(self, now: int, late: int) -> None:
        """Some wait, and the loop took `late` nanoseconds to come to it: close the window if it cannot wait itself."""
        self._crowded = True
        if now - self._opened > _TOLERATED and (self._estimate.starting or late > 2 * _TOLERATED):
            self._round = max(self._round, late)
            self._close(now, now)

    def stop(self) -> None:
        """End the timer."""
        self._timer.cancel()

    def _tick(self, due: int) -> None:
        self._close(monotonic_ns(), due)

    def _close(self, now: int, due: int) -> None:
        self._timer.cancel()
        self._timer = self._loop.call_later(_TICK / 1e9, self._tick, now + _TICK)
        self.lag = max(now - due, self._round, 0)
        elapsed, computed = now - self._opened, thread_time_ns()
        self.limit = self._estimate.close(
            in_flight=max(self._peak, self.count),
            lag=self.lag / 1e9,
            busy=(computed - self._computed) / max(elapsed, 1),
        )
        if not self._crowded:
            self._pacing.rest()
        elif self._pacing.interval or (
            self.lag > _TOLERATED and not self._estimate.stalled
        ):  # from the first time on that the loop is late
            self._pacing.follow(ended=self._ended, limit=self.limit, elapsed=elapsed)
        self._opened, self._computed, self._peak, self._ended = now, computed, 0, 0
        self._round, self._crowded = 0, False
        self._loop.call_soon(self._begin_round)
        self._closed()

    def _begin_round(self) -> None:
        """Measure a whole round: a timer is late by any part of one."""
        self._loop.call_soon(self._end_round, monotonic_ns())

    def _end_round(self, began: int) -> None:
        self._round = max(self._round, monotonic_ns() - began)
