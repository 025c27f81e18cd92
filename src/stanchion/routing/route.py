"""What a route is before and after compilation."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

from msgspec import Struct

from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.limits.admission_queue import NORMAL

Handler = Callable[..., Any]
Call = Callable[[Request], Awaitable[Response]]
InlineCall = Callable[[Request], Response]
Gate = InlineCall
"""Answers at once, raises a refusal, or returns a `Later`."""
Run = Literal["auto", "inline", "thread", "process"]


class Route(Struct, frozen=True, kw_only=True):
    """A route as declared, with its effective policies; what `stanchion routes` prints."""

    method: str
    template: str
    """The whole path template, prefixes included: `/airports/{iata}`."""
    handler: Handler
    name: str
    policies: tuple[Any, ...] = ()
    """In the order they run, outermost first; already merged over app, router and route."""
    status: int = 200
    run: Run = "auto"
    """For a plain `def`: a thread (the default), `process` for one that computes for long, or `inline` for one that
    cannot block. `async def` ignores all but `process`, which it cannot have."""
    summary: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    deprecated: bool = False
    hidden: bool = False
    """Left out of OpenAPI."""
    responses: Mapping[int, str] = {}
    """Further statuses for OpenAPI, each with its description."""


class Endpoint(Struct, eq=False):
    """A compiled route, as the wire layer calls it: by `inline` where it can, else by `call` in a task."""

    route: Route
    call: Call
    inline: InlineCall | None
    """Answers without a task: for a handler that never suspends, which a task would cost a fifth of its request."""
    path_names: tuple[str, ...]
    max_body: int
    """Bytes; decided on Content-Length and again on received bytes."""
    takes_body: bool = False
    """`inline` reads the body and is called when it is complete; if false, it serves requests without a body only."""
    series: int = -1
    """Where this route's metrics are; -1 until its first request, when the worker's meter is asked."""
    label: Callable[[Request], str] | None = None
    """For an endpoint that stands for many routes, as a mounted app does: the route that answered a request."""
    websocket: Call | None = None
    """Answers the handshake of a WebSocket with status 101 or a refusal, where there can be one."""
    priority: int = NORMAL
    """Which class it waits in where it cannot start at once, see `limits.admission_queue`."""
    due: Callable[[Request], int] | None = None
    """The request's deadline in nanoseconds of CLOCK_MONOTONIC, where it has one."""
    gate: Gate | None = None
    """What is decided before admission, and before a body is read; only beside an `inline` that is None."""
    shelves: bool = False
    """What the gate answers with is the same for all: nothing around the cache has a word in it."""
    heavy: InlineCall | None = None
    """What `inline` was, while answers by it are found to hold the loop for long: they have to queue."""
    cost: float = 0.0
    """Average microseconds of the answers by `heavy`, and of the longer ones by `inline`."""
