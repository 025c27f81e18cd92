"""Hedged calls: a second attempt once the first takes longer than most, and the first answer wins.

From Dean and Barroso, The Tail at Scale (CACM 56/2, 2013): deferred until the first is slower than 95 % of calls are,
a second request costs 5 % more calls and takes most of the tail away. What most take is a quantile of the last calls.
A first attempt that lost counts with the time it had when it was cancelled: left out, the slow ones would be missing
from the quantile, which then sinks call by call.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from math import inf
from time import monotonic
from typing import Any, TypeVar

T = TypeVar("T")

_SAMPLES = 512
"""Calls that a quantile is of."""
_EVERY = 32
"""Calls from one look at them to the next, and before the first: sorting costs 1 µs a call then."""


class RecentQuantile:
    """What a `share` of the last 512 values lay below; infinite before there are 32."""

    __slots__ = ("_added", "_last", "share", "value")

    def __init__(self, share: float) -> None:
        self.share = share
        self.value = inf
        self._last: deque[float] = deque(maxlen=_SAMPLES)
        self._added = 0

    def __repr__(self) -> str:
        return f"<RecentQuantile p{self.share * 100:g} is {self.value:g} of {len(self._last)}>"

    def add(self, value: float) -> None:
        """Take a value in."""
        self._last.append(value)
        self._added += 1
        if self._added % _EVERY == 0:
            ordered = sorted(self._last)
            self.value = ordered[min(int(self.share * len(ordered)), len(ordered) - 1)]


class Hedge:
    """When a call is made a second time, of one dependency."""

    def __init__(self, when: float | RecentQuantile, answers: tuple[type[Exception], ...] = ()) -> None:
        """`when` in seconds, or a quantile of what calls have taken; an exception among `answers` wins as well."""
        self._when = when
        self._answers = answers
        self._losers: set[asyncio.Future[Any]] = set()
        self.sent = 0
        """Second attempts."""
        self.won = 0
        """Those that were answered first."""

    def __repr__(self) -> str:
        return f"<Hedge after {self.after:g} s, {self.sent} sent, {self.won} won>"

    def statistics(self) -> dict[str, float]:
        """Second attempts, those that won, and seconds after which there is one (infinite: not known yet)."""
        return {"hedges": self.sent, "hedges_won": self.won, "hedge_after": self.after}

    @property
    def after(self) -> float:
        """Seconds from the first attempt to the second."""
        return self._when.value if isinstance(self._when, RecentQuantile) else self._when

    async def race(self, attempt: Callable[[], Awaitable[T]], may: Callable[[], bool]) -> T:
        """`await attempt()`, and again beside it after a while if `may()`; whichever answers first.

        Raises:
            Exception: what the first attempt raised, where neither has answered.
        """
        began, after = monotonic(), self.after
        first = asyncio.ensure_future(attempt())
        tasks = [first]
        try:
            await asyncio.wait(tasks, timeout=None if after == inf else after)
            if not first.done() and may():
                self.sent += 1
                tasks.append(asyncio.ensure_future(attempt()))
            winner = await self._winner(tasks)
            self.won += winner is not first
            if not first.done() or self._answered(first):
                self._took(monotonic() - began)
            return winner.result()
        finally:
            for task in tasks:
                self._let_go(task)

    async def _winner(self, tasks: Sequence["asyncio.Future[T]"]) -> "asyncio.Future[T]":
        """The first that has answered; the first attempt if none does."""
        running = set(tasks)
        while running:
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task in done and self._answered(task):
                    return task
        return tasks[0]

    def _answered(self, task: "asyncio.Future[Any]") -> bool:
        if task.cancelled():
            return False
        error = task.exception()
        return error is None or isinstance(error, self._answers)

    def _took(self, seconds: float) -> None:
        if isinstance(self._when, RecentQuantile):
            self._when.add(seconds)

    def _let_go(self, task: "asyncio.Future[Any]") -> None:
        """Cancel the loser, which nobody waits for, and keep it until it has ended."""
        if task.done():
            if not task.cancelled():
                task.exception()  # it need not be anybody's
            return
        self._losers.add(task)
        task.add_done_callback(self._lost)
        task.cancel()

    def _lost(self, task: "asyncio.Future[Any]") -> None:
        self._losers.discard(task)
        if not task.cancelled():
            task.exception()
