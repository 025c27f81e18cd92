"""What is bounded in number: places, and a bounded queue for them."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from math import inf
from time import monotonic
from typing import TypeVar

from stanchion.errors import ServiceUnavailable
from stanchion.telemetry.decisions import Decisions
from stanchion.telemetry.tallies import PoolCell

T = TypeVar("T")

waited: ContextVar[float] = ContextVar("stanchion-waited", default=0.0)
"""Seconds that what runs in this context has waited for places of any kind."""


class Places:
    """`size` places and a queue of at most `longest`; first in, first out."""

    def __init__(self, size: int, longest: int) -> None:
        self.size = size
        self.taken = 0
        self._longest = longest
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return len(self._waiting)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.taken} of {self.size} taken, {self.waiting} wait>"

    async def enter(self, patience: float = inf) -> bool:
        """Take a place, waiting up to `patience` seconds; False if there is none, or the queue is full."""
        if self.taken < self.size:
            self.taken += 1
            return True
        if patience <= 0 or len(self._waiting) >= self._longest:
            return False
        return await self._wait(patience)

    async def _wait(self, patience: float) -> bool:
        loop = asyncio.get_running_loop()
        place: asyncio.Future[None] = loop.create_future()
        self._waiting.append(place)
        timer = None if patience == inf else loop.call_later(patience, place.cancel)
        began = monotonic()
        try:
            await place
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if place.done() and not place.cancelled():
                self.leave()  # the place was given in the same turn as the waiting one was cancelled
            if task is not None and task.cancelling():
                raise
            return False
        finally:
            waited.set(waited.get() + monotonic() - began)
            if timer is not None:
                timer.cancel()
            if place.cancelled() and place in self._waiting:
                self._waiting.remove(place)
        return True

    async def fill(self, made: "asyncio.Task[T]", keep: Callable[[T], None]) -> T:
        """What `made` makes for the place that was taken. Who leaves meanwhile leaves both to others, by `keep`; where
        nothing is made the place is free."""
        try:
            return await asyncio.shield(made)
        except asyncio.CancelledError:
            made.add_done_callback(partial(self._left, keep))
            raise
        except BaseException:
            self.leave()
            raise

    def _left(self, keep: Callable[[T], None], made: "asyncio.Task[T]") -> None:
        if made.cancelled() or made.exception() is not None:
            self.leave()
        else:
            keep(made.result())

    def leave(self) -> None:
        """Give a place back: to who has waited longest, if anybody does."""
        self.taken -= 1
        self._admit()

    def resize(self, size: int) -> None:
        """Have another number of places; those taken beyond it stay so until they are given back."""
        self.size = size
        self._admit()

    def turn_away(self) -> None:
        """Let nobody wait any longer: as if their patience was at its end."""
        for place in self._waiting:
            place.cancel()

    def _admit(self) -> None:
        while self._waiting and self.taken < self.size:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                self.taken += 1


class PoolPlaces(Places):
    """The places of a pool; whoever waits for one has its own deadline."""

    def __init__(self, kind: str, size: int, longest: int, decisions: Decisions) -> None:
        """`kind` is `thread` or `process`."""
        super().__init__(size, longest)
        self.kind = kind
        self.counts = [0] * len(PoolCell)
        """By `PoolCell`."""
        self._decisions = decisions

    def statistics(self) -> dict[str, int]:
        """Places, those taken, and how many calls wait for one."""
        return {"size": self.size, "busy": self.taken, "waiting": self.waiting}

    async def take(self) -> None:
        """Wait for a place.

        Raises:
            ServiceUnavailable: the queue is full (code `pool-full`).
        """
        if not await self.enter():
            self._decisions.pool_refused += 1
            self.counts[PoolCell.REFUSED] += 1
            raise ServiceUnavailable(
                f"every {self.kind} is at work, and {self._longest} calls wait",
                code="pool-full",
                headers={"Retry-After": "1"},
            )
