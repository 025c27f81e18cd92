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
from stanchion.policies.limiter import Naming
from stanchion.policies.runtime import Runtime
from stanchion.policies.tallied import tallied
from stanchion.routing.outcome import RETRY_AFTER, Outcome
from stanchion.routing.route import Call, Route
from stanchion.telemetry.tallies import BULKHEAD, BulkheadCell


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
    name: str | None = None
    """In metrics; by default the method and path of the first route it holds for."""

    @cached_property
    def bulkhead(self) -> "Bulkhead":
        """Who is in and who waits; one for all routes that this policy holds for."""
        return Bulkhead(self.limit, self.max_waiting)

    def outcomes(self, route: Route) -> tuple[Outcome, ...]:
        """See `Policy`."""
        return (Outcome(status=503, description="Too many of this kind are being served", fields=RETRY_AFTER),)

    def install(self, call: Call, route: Route, runtime: Runtime) -> Call:
        """As `wrap`, and have its decisions be told by its name."""
        runtime.shared(("bulkhead", id(self)), lambda: self._told(route, runtime))
        return self.wrap(call, route)

    def _told(self, route: Route, runtime: Runtime) -> str:
        naming = runtime.shared("bulkhead names", Naming)
        name = naming.name(self.name, f"{route.method} {route.template}", self)
        tallied(runtime, BULKHEAD, name, self.bulkhead.counts)
        return name

    def wrap(self, call: Call, route: Route) -> Call:
        bulkhead, max_wait = self.bulkhead, self.max_wait

        async def held(request: Request) -> Response:
            if not await bulkhead.enter(max_wait):
                request.app.decisions.bulkhead_refused += 1
                bulkhead.counts[BulkheadCell.REFUSED] += 1
                raise ServiceUnavailable(
                    f"{bulkhead.size} requests of this kind are being served already",
                    code="bulkhead-full",
                    headers={"Retry-After": "1"},
                )
            bulkhead.counts[BulkheadCell.SERVED] += 1
            try:
                return await call(request)
            finally:
                bulkhead.leave()

        return held


class Bulkhead(Places):
    """Places, and a queue for them, in which nobody waits beyond its deadline."""

    def __init__(self, size: int, longest: int) -> None:
        super().__init__(size, longest)
        self.counts = [0] * len(BulkheadCell)
        """By `BulkheadCell`."""

    def statistics(self) -> dict[str, int]:
        """Places, those taken, and how many wait for one."""
        return {"limit": self.size, "taken": self.taken, "waiting": self.waiting}

    async def enter(self, patience: float = inf) -> bool:
        """Take a place, within `patience` seconds and the request's deadline; False if there is none."""
        left = remaining()
        return await super().enter(patience if left is None else min(patience, left))
