"""What the routes of one limit share in a worker: its store, its count of outcomes, and how it tells clients.

The header fields are those of draft-ietf-httpapi-ratelimit-headers-10, and the problem type of a refusal is its too.
"""

import asyncio
from copy import copy
from typing import Any, Literal

from stanchion.errors import RouteError, TooManyRequests
from stanchion.http.response import ANSWERED, Response
from stanchion.limits.board_store import BoardStore
from stanchion.limits.decision import Decision, Rule
from stanchion.limits.rate import SECOND, Rate
from stanchion.limits.redis_gate import RedisGate, StoreFailed
from stanchion.limits.redis_store import RedisStore
from stanchion.policies.runtime import Runtime
from stanchion.routing.outcome import Field
from stanchion.telemetry.tallies import LIMIT, LimitCell

QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"
ALLOWED = {"RateLimit": Field("For each limit its name, `r` requests that are left, and `t` seconds to its reset.")}
REFUSED = {**ALLOWED, "RateLimit-Policy": Field("The limit's name, `q` requests, and `w` seconds they are for.")}
"""Fields of the draft above, as OpenAPI describes them."""


_ALLOWED, _REFUSED, _QUEUED, _STORE_FAILED, _FORGOTTEN, _LEASED, _SETTLED = map(int, LimitCell)

Fail = Literal["local", "open", "closed"]


class Limiter:
    """One limit in one worker."""

    def __init__(self, name: str, rule: Rule, rate: Rate, runtime: Runtime) -> None:
        self.name = name
        self.rule = rule
        self.waiting = 0
        """Requests that wait for their turn."""
        self._store = BoardStore(runtime.board, name, rule)
        self._forgotten = self._leased = self._settled = 0
        self._remote: RedisStore | None = None
        self._fail: Fail = "local"
        self._cells, self._base = runtime.tally(LIMIT, name)
        self._policy = f'"{name}";q={rate.count};w={rate.seconds}'
        self._quoted = f'"{name}";r='

    def __repr__(self) -> str:
        return f"<Limiter {self.name}, {self.waiting} waiting>"

    def statistics(self) -> dict[str, int]:
        """Outcomes in this worker, and how many requests wait."""
        counts = {cell.name.lower(): self._cells[self._base + cell] for cell in LimitCell}
        return {**counts, "waiting": self.waiting}

    def take(self, client: str, cost: int, patience: int) -> Decision:
        """Decide on a request and count the outcome; `patience` in nanoseconds."""
        store = self._store
        decision = store.take(client, cost, patience)
        cell = _ALLOWED if decision.allowed else _REFUSED
        self._cells[self._base + (_QUEUED if decision.delay else cell)] += 1
        if store.given_up != self._forgotten:
            self._cells[self._base + _FORGOTTEN] += store.given_up - self._forgotten
            self._forgotten = store.given_up
        return decision

    def use(self, remote: RedisStore, fail: Fail) -> None:
        """Have `remote` decide; while it does not, `fail` holds."""
        self._remote = remote
        self._fail = fail

    async def ask(self, client: str, cost: int, patience: int) -> Decision | None:
        """As `take`, of the remote store; None where it has failed and the limit is open.

        Raises:
            TooManyRequests: it has failed and the limit is closed.
        """
        assert self._remote is not None
        cells, base = self._cells, self._base
        try:
            decision = await self._remote.take(client, cost, patience)
        except StoreFailed:
            cells[base + _STORE_FAILED] += 1
            if self._fail == "local":
                return self.take(client, cost, patience)
            cells[base + (_ALLOWED if self._fail == "open" else _REFUSED)] += 1
            if self._fail == "open":
                return None
            raise TooManyRequests(
                f"the limit {self.name} cannot be checked", code="limit-store-unavailable", headers={"Retry-After": "1"}
            ) from None
        cell = _ALLOWED if decision.allowed else _REFUSED
        cells[base + (_QUEUED if decision.delay else cell)] += 1
        if self._remote.leases.taken != self._leased or self._remote.leases.settled != self._settled:
            self._count_leases(self._remote)
        return decision

    def _count_leases(self, remote: RedisStore) -> None:
        leases = remote.leases
        self._cells[self._base + _LEASED] += leases.taken - self._leased
        self._cells[self._base + _SETTLED] += leases.settled - self._settled
        self._leased, self._settled = leases.taken, leases.settled

    async def close(self) -> None:
        """Give back what is leased."""
        if self._remote is not None:
            await self._remote.close()
            self._count_leases(self._remote)

    async def wait(self, delay: int) -> None:
        """Wait for a request's turn, nanoseconds. Who leaves meanwhile has had its turn."""
        self.waiting += 1
        try:
            await asyncio.sleep(delay / SECOND)
        finally:
            self.waiting -= 1

    def refusal(self, decision: Decision) -> TooManyRequests:
        """The 429, with what the client needs to do better."""
        seconds = max(1, -(-decision.retry_after // SECOND))
        extensions: dict[str, Any] = {
            "type": QUOTA_EXCEEDED,
            "violated-policies": [self.name],
            "retry_after": round(decision.retry_after / SECOND, 3),
        }
        fields = {
            "Retry-After": str(seconds),
            "RateLimit-Policy": self._policy,
            "RateLimit": self._field(decision),
        }
        return TooManyRequests(f"over the limit {self.name}", headers=fields, **extensions)

    def marked(self, response: Response, decision: Decision) -> Response:
        """The response with this limit's RateLimit field, before those of limits further in."""
        if response is ANSWERED or response.status == 101:
            return response
        marked = copy(response)  # a handler may keep its own for good
        headers, field = response.headers, self._field(decision)
        if headers is None:
            marked.headers = {"RateLimit": field}
        else:
            inner = headers.get("RateLimit")
            marked.headers = {**headers, "RateLimit": field if inner is None else f"{field}, {inner}"}
        return marked

    def _field(self, decision: Decision) -> str:
        return f"{self._quoted}{decision.remaining};t={-(-decision.reset // SECOND)}"


def remote_of(url: str, runtime: Runtime, limiter: Limiter, lease: int) -> RedisStore:
    """A limiter's store at this URL; limits of one URL share the way to it. Both end with the app."""

    def gate() -> RedisGate:
        made = RedisGate(url, runtime.settings.limit_store_timeout)
        runtime.at_start(made.open)
        runtime.at_end(made.close)
        return made

    store = RedisStore(runtime.shared(("redis", url), gate), limiter.name, limiter.rule, lease=lease)
    runtime.at_end(limiter.close)
    return store


class Naming:
    """Names of limits: what is given may be shared, what is made never is."""

    def __init__(self) -> None:
        self._given: dict[str, Any] = {}
        self._made: dict[str, int] = {}

    def name(self, given: str | None, otherwise: str, limit: Any) -> str:
        """The name of a declaration; the same in every worker, since they compile the same routes in one order.

        Raises:
            RouteError: declarations of one name differ.
        """
        if given is None:
            number = self._made[otherwise] = self._made.get(otherwise, 0) + 1
            return otherwise if number == 1 else f"{otherwise} #{number}"
        first = self._given.setdefault(given, limit)
        if first != limit:
            raise RouteError(f"two limits are named {given!r} and differ: {first} and {limit}; give each its own name")
        return given
