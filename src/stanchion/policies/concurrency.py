"""A bulkhead: how many requests of a route, or of a group of routes, are served at one time."""

import asyncio
from collections import deque
from functools import cached_property
from math import inf
from typing import Annotated, ClassVar

from msgspec import Meta

from stanchion.deadline import remaining
from stanchion.errors import ServiceUnavailable
from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.policies.base import Category, Policy
from stanchion.routing.route import Call, Route


class Concurrency(Policy, frozen=True, kw_only=True, dict=True):
    """Serves at most `limit` requests at one time, so that one slow dependency cannot take the whole worker with it.

    Declared on a router or app, the limit is shared by its routes. Who has to wait longer than `max_wait`, or finds
    `max_waiting` before it, is answered 503, code `bulkhead-full`. A stream counts until its head.
    """

    category: ClassVar[Category] = Category.ADMIT

    limit: Annotated[int, Meta(ge=1)]
    """Requests of a worker. Take what the dependency has for you: the connections of a pool, say."""
    max_wait: Annotated[float, Meta(ge=0)] = 0.1
    """Seconds."""
    max_waiting: Annotated[int, Meta(ge=0)] = 100
    """Requests."""

    @cached_property
    def bulkhead(self) -> "Bulkhead":
        """Who is in and who waits; one for all routes that this policy holds for."""
        return Bulkhead(self.limit, self.max_waiting)

    def wrap(self, call: Call, route: Route) -> Call:
        bulkhead, max_wait = self.bulkhead, self.max_wait

        async def held(request: Request) -> Response:
            if not await bulkhead.enter(max_wait):
                request.app.decisions.bulkhead_refused += 1
                raise ServiceUnavailable(
                    f"{bulkhead.limit} requests of this kind are being served already",
                    code="bulkhead-full",
                    headers={"Retry-After": "1"},
                )
            try:
                return await call(request)
            finally:
                bulkhead.leave()

        return held


class Bulkhead:
    """Places, and a queue for them; first in, first out."""

    __slots__ = ("_max_waiting", "_waiting", "limit", "taken")

    def __init__(self, limit: int, max_waiting: int) -> None:
        self.limit = limit
        self.taken = 0
        self._max_waiting = max_waiting
        self._waiting: deque[asyncio.Future[None]] = deque()

    def __repr__(self) -> str:
        return f"<Bulkhead {self.taken} of {self.limit} taken, {len(self._waiting)} wait>"

    def statistics(self) -> dict[str, int]:
        """Places, those taken, and how many wait for one."""
        return {"limit": self.limit, "taken": self.taken, "waiting": len(self._waiting)}

    async def enter(self, max_wait: float) -> bool:
        """Take a place, within `max_wait` seconds and the request's deadline; False if there is none."""
        if self.taken < self.limit:
            self.taken += 1
            return True
        left = remaining()
        patience = min(max_wait, inf if left is None else left)
        if patience <= 0 or len(self._waiting) >= self._max_waiting:
            return False
        return await self._wait(patience)

    async def _wait(self, patience: float) -> bool:
        loop = asyncio.get_running_loop()
        place: asyncio.Future[None] = loop.create_future()
        self._waiting.append(place)
        timer = loop.call_later(patience, place.cancel)
        try:
            await place
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if place.done() and not place.cancelled():
                self.leave()  # the place was given in the same turn as the request was cancelled
            if task is not None and task.cancelling():
                raise
            return False
        finally:
            timer.cancel()
            if place.cancelled() and place in self._waiting:
                self._waiting.remove(place)
        return True

    def leave(self) -> None:
        """Give a place back: to who has waited longest, if anybody does."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self.taken -= 1
