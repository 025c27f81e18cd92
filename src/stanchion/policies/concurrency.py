"""A bulkhead: how many requests of a route, or of a group of routes, are served at one time."""

from functools import cached_property
from math import inf
from typing import Annotated, ClassVar

from msgspec import Meta

from stanchion.deadline import remaining
from stanchion.errors import ServiceUnavailable
from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.offload.places import Places
from stanchion.policies.base import Category, Policy
from stanchion.routing.outcome import RETRY_AFTER, Outcome
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

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """See `Policy`."""
        return (Outcome(status=503, description="Too many of this kind are being served", fields=RETRY_AFTER),)

    def wrap(self, call: Call, route: Route) -> Call:
        bulkhead, max_wait = self.bulkhead, self.max_wait

        async def held(request: Request) -> Response:
            if not await bulkhead.enter(max_wait):
                request.app.decisions.bulkhead_refused += 1
                raise ServiceUnavailable(
                    f"{bulkhead.size} requests of this kind are being served already",
                    code="bulkhead-full",
                    headers={"Retry-After": "1"},
                )
            try:
                return await call(request)
            finally:
                bulkhead.leave()

        return held


class Bulkhead(Places):
    """Places, and a queue for them, in which nobody waits beyond its deadline."""

    def statistics(self) -> dict[str, int]:
        """Places, those taken, and how many wait for one."""
        return {"limit": self.size, "taken": self.taken, "waiting": self.waiting}

    async def enter(self, patience: float = inf) -> bool:
        """Take a place, within `patience` seconds and the request's deadline; False if there is none."""
        left = remaining()
        return await super().enter(patience if left is None else min(patience, left))
