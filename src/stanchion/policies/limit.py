"""A bound on how often a client may ask, exact over all workers."""

from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

from msgspec import Meta
from msgspec.structs import fields

from stanchion.errors import RouteError
from stanchion.http.hit import Later, when_made
from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.limits.decision import Rule
from stanchion.limits.gcra import Gcra
from stanchion.limits.rate import SECOND, parse_rate
from stanchion.limits.sliding_window import SlidingWindow
from stanchion.policies.base import Category, Policy
from stanchion.policies.limit_keys import NAMES, By, key_of
from stanchion.policies.limiter import ALLOWED, REFUSED, Limiter, Naming, remote_of
from stanchion.policies.runtime import Runtime
from stanchion.redis_driver import redacted
from stanchion.routing.outcome import RETRY_AFTER, Outcome
from stanchion.routing.route import Call, Gate, InlineCall, Route

Cost = int | Callable[[Request], int]


class LimitOptions(Policy, frozen=True, kw_only=True):
    """What a `Limit` takes besides its rate; all by name."""

    burst: Annotated[int, Meta(ge=1, le=1_000_000_000)] | None = None
    """Requests at once, in mode `gcra`; the rate's count if not given. A lower one is against gusts."""

    by: By = "client"
    """Who is counted: `client` (the name under `request.state["identity"]` if something before has left one, else the
    address), `ip` (an IPv4 address, the /64 of an IPv6 one), `api_key` (X-API-Key or a Bearer token, else the address),
    `route` (all clients of a route together), or a function of the request that returns a text."""

    cost: Cost = 1
    """How much a request counts; a function of the request may tell. It is capped to the burst or count."""

    mode: Literal["gcra", "window"] = "gcra"
    """`gcra`: an even rate with a burst. `window`: so many in a sliding window."""

    on_exceed: Literal["refuse", "queue"] = "refuse"
    """`queue` has a request wait for its turn, up to `max_wait`, and spaces a gust out at the rate."""

    max_wait: Annotated[float, Meta(gt=0, le=60)] = 1.0
    """Seconds a request may wait for its turn; one that would have to wait longer is refused at once."""

    max_waiting: Annotated[int, Meta(ge=1, le=100_000)] = 256
    """Requests of this limit that wait in a worker at one time; further ones are refused."""

    store: Annotated[str, Meta(min_length=1)] | None = None
    """Where the states are: the machine's own board, or `redis://…` (Redis or Valkey; also `rediss://`, `unix://`) for
    several machines, which count together by the limit's name. Not a Redis Cluster."""

    lease: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    """With a store: requests that a worker takes in advance for a client, so that most need not ask it. Fewer near the
    limit. A client may get as many too many as workers hold for it; 0 is exact."""

    fail: Literal["local", "open", "closed"] = "local"
    """While the store does not answer: `local` counts on each machine's board, `open` allows, `closed` refuses."""

    headers: bool = True
    """Send the RateLimit field with what is allowed, too: 2 µs a response."""

    name: Annotated[str, Meta(pattern=r"^[ !#-\[\]-~]{1,64}$")] | None = None
    """In header fields, metrics and problem documents; printable ASCII without quotes and backslashes. Declarations of
    one name share one budget. Not given, it is made from the rate, and the declaration has a budget of its own."""


class Limit(LimitOptions, frozen=True):
    """Allows `rate` for each client; beyond it the answer is 429, given before the body is read.

    `Limit("100/min", burst=20)`. Several hold at one time, the app's, the router's and the route's together. One
    declaration is one budget: an app's limit counts a client's requests to all its routes together.

    Raises:
        RouteError: an option is out of range, or does not go with another.
        ConfigurationError: the rate cannot be read.
    """

    category: ClassVar[Category] = Category.LIMIT
    stacks: ClassVar[bool] = True
    refuses: ClassVar[bool] = True

    rate: str
    """`100/min`, `5/s`, `10/10s`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.rule()
        self._check_store()
        if not callable(self.by) and self.by not in NAMES:
            raise RouteError(f"Limit(by={self.by!r}): expected one of {', '.join(NAMES)}, or a function of the request")
        if isinstance(self.cost, int) and self.cost < 1:
            raise RouteError(f"{self!r}: expected a cost of 1 or more, or a function of the request")
        if self.mode not in ("gcra", "window") or self.on_exceed not in ("refuse", "queue"):
            raise RouteError(f"{self!r}: mode is 'gcra' or 'window', on_exceed is 'refuse' or 'queue'")
        if self.mode == "window" and (self.on_exceed == "queue" or self.burst is not None):
            raise RouteError(f"{self!r}: a window has neither turns to wait for nor a burst; use mode='gcra'")

    def __repr__(self) -> str:
        """As it was written, without a password."""
        given = ((field, getattr(self, field.name)) for field in fields(self) if field.name != "rate")
        changed = {field.name: value for field, value in given if value != field.default}
        if self.store is not None:
            changed["store"] = redacted(self.store)
        return f"Limit({', '.join([repr(self.rate), *(f'{name}={value!r}' for name, value in changed.items())])})"

    def outcomes(self, route: Route) -> tuple[Outcome, ...]:
        """See `Policy`."""
        refused = Outcome(status=429, description=f"Over the limit of {self.rate}", fields=RETRY_AFTER | REFUSED)
        return (refused, Outcome(status=None, fields=ALLOWED)) if self.headers else (refused,)

    def _check_store(self) -> None:
        if self.store is None and self.lease:
            raise RouteError(f"{self!r}: a lease is taken from a store; give one, or leave lease out")
        if self.store is not None and self.name is None:
            raise RouteError(f"{self!r}: a limit with a store needs a name, by which machines count together")
        if self.lease and (self.mode == "window" or self.on_exceed == "queue"):
            raise RouteError(f"{self!r}: a lease goes with mode='gcra' and on_exceed='refuse' alone")
        if self.fail not in ("local", "open", "closed"):
            raise RouteError(f"{self!r}: fail is 'local', 'open' or 'closed'")

    def rule(self) -> Rule:
        """The algorithm with its figures."""
        rate = parse_rate(self.rate)
        return SlidingWindow.of(rate) if self.mode == "window" else Gcra.of(rate, self.burst or rate.count)

    def install(self, call: Call, route: Route, runtime: Runtime) -> Call:
        """See `Policy`."""
        return _limited(call, self._limiter(runtime), self, route)

    def install_inline(self, inline: InlineCall, route: Route, runtime: Runtime) -> InlineCall | None:
        """See `Policy`: the board answers at once, and then nothing waits."""
        return _limited_inline(inline, self._limiter(runtime), self, route) if self.gates else None

    @property
    def gates(self) -> bool:
        """See `Policy`."""
        return self.store is None and self.on_exceed == "refuse"

    def install_gate(self, gate: Gate, route: Route, runtime: Runtime) -> Gate:
        """See `Policy`."""
        return _limited_inline(gate, self._limiter(runtime), self, route)

    def _limiter(self, runtime: Runtime) -> Limiter:
        return runtime.shared(("limit", id(self)), lambda: self._made(runtime))

    def _made(self, runtime: Runtime) -> Limiter:
        naming = runtime.shared("limit names", Naming)
        by = getattr(self.by, "__name__", "own") if callable(self.by) else self.by
        made = " ".join(f"{self.rate} by {by}".split()).encode("ascii", "replace").decode()  # it goes into fields
        name = naming.name(self.name, made, self)
        limiter = Limiter(name, self.rule(), parse_rate(self.rate), runtime)
        if self.store is not None:
            limiter.use(remote_of(self.store, runtime, limiter, self.lease), self.fail)
        return limiter


def _limited_inline(inline: InlineCall, limiter: Limiter, limit: Limit, route: Route) -> InlineCall:
    key, headers = key_of(limit.by, route), limit.headers
    cost: int = limit.cost if isinstance(limit.cost, int) else 1
    cost_of = None if isinstance(limit.cost, int) else limit.cost

    def limited(request: Request) -> Response:
        decision = limiter.take(key(request), cost if cost_of is None else max(0, cost_of(request)), 0)
        if not decision.allowed:
            raise limiter.refusal(decision)
        response = inline(request)
        if not headers:
            return response
        if type(response) is Later:
            return when_made(response, lambda made: limiter.marked(made, decision))
        return limiter.marked(response, decision)

    return limited


def _limited(call: Call, limiter: Limiter, limit: Limit, route: Route) -> Call:
    key, headers = key_of(limit.by, route), limit.headers
    cost: int = limit.cost if isinstance(limit.cost, int) else 1
    cost_of = None if isinstance(limit.cost, int) else limit.cost
    patience = int(limit.max_wait * SECOND) if limit.on_exceed == "queue" else 0
    most = limit.max_waiting
    remote = limit.store is not None

    async def limited(request: Request) -> Response:
        amount = cost if cost_of is None else max(0, cost_of(request))
        if remote:
            decision = await limiter.ask(key(request), amount, patience if limiter.waiting < most else 0)
            if decision is None:  # the store has failed, and its limit is open
                return await call(request)
        else:
            decision = limiter.take(key(request), amount, patience if limiter.waiting < most else 0)
        if not decision.allowed:
            raise limiter.refusal(decision)
        if decision.delay:
            await limiter.wait(decision.delay)
        response = await call(request)
        return limiter.marked(response, decision) if headers else response

    return limited
