"""What a gate returns besides a plain response: a hit of the cache, or that the answer is yet to be made.

A gate is what of a route's policies can decide at once, before admission, and before a body is read: limits, and the
cache's look-up.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec.structs import replace

from stanchion.http.request import Request
from stanchion.http.response import Response

Rest = Callable[[Request], Awaitable[Response]]


async def _missing(request: Request) -> Response:
    raise NotImplementedError("Later was made without a call")


class Later(Response):
    """The gate has no answer: `call` makes it, in a task, once admission lets the request in."""

    call: Rest = _missing
    free: bool = False
    """It waits for what another request has begun, and makes no work of its own: it need not be admitted to any."""


class Hit(Response):
    """An answer that others get too, until it changes: the wire layer may keep it by its target, and answer there.

    It is made for one request, whose policies may change its fields; a route with policies around its cache gets it
    from there each time. What it was made from stays with the cache, which is asked through the functions below.
    """

    until: int = 0
    """Nanoseconds of CLOCK_MONOTONIC up to which it is fresh."""
    born: float = 0.0
    """Unix seconds from which Age counts."""
    plain: bool = False
    """It depends on the request's host, target and Accept-Encoding alone."""
    valid: Callable[[], bool] = bool
    """Whether nothing has made it invalid; asked for every request, so it should take 0.1 µs."""
    touch: Callable[[], bool] = bool
    """Whether the cache still has it; asked at most once a second, and counts as a use of it."""
    count: Callable[[int], Any] = int
    """Told how many requests were answered with it elsewhere."""


def called(gate: Callable[[Request], Response]) -> Rest:
    """A gate as a call: for who has a task already."""

    async def call(request: Request) -> Response:
        response = gate(request)
        return await response.call(request) if type(response) is Later else response

    return call


def when_made(response: Response, mark: Callable[[Response], Response]) -> Response:
    """`mark(response)`, of a gate's response or of the one that is yet to be made."""
    if not isinstance(response, Later):
        return mark(response)
    rest = response.call

    async def call(request: Request) -> Response:
        return mark(await rest(request))

    return replace(response, call=call)
