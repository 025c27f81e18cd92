"""The caches of a worker, made when the first policy or function asks for them."""

import string
from collections.abc import Awaitable, Callable, Iterable

from stanchion.cache.caches import Caches
from stanchion.cache.inspecting import Inspector
from stanchion.errors import RouteError
from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.policies.runtime import Runtime
from stanchion.routing.route import Call, Route
from stanchion.routing.template import parse


def caches_of(runtime: Runtime) -> Caches:
    """Those of this worker; opened and closed with the app."""

    def made() -> Caches:
        caches = Caches(runtime.settings, runtime.board, runtime.tally)
        runtime.at_start(caches.open)
        runtime.at_end(caches.close)
        runtime.measured(caches.measure)
        return caches

    return runtime.shared("caches", made)


def inspector_of(runtime: Runtime) -> Inspector:
    """What knows the caches of this worker's routes."""
    return runtime.shared("cache inspector", lambda: Inspector(caches_of(runtime)))


def check_tags(what: str, tags: Iterable[str], route: Route) -> None:
    """Refuse a tag that names a parameter which the route's path has not.

    Raises:
        RouteError: with the parameters there are.
    """
    names = {parameter.name for parameter in parse(route.template).parameters}
    for tag in tags:
        try:
            asked = {name for _, name, _, _ in string.Formatter().parse(tag) if name is not None}
        except ValueError as error:
            raise RouteError(f"{what}={tag!r}: {error}; write `{{{{` for a brace of its own") from None
        if unknown := sorted(asked - names):
            there = ", ".join(sorted(names)) or "none"
            raise RouteError(
                f"{route.method} {route.template}: {what}={tag!r} names {unknown[0]!r}; the path's parameters: {there}"
            )


def after_success(call: Call, invalidate: Callable[[Request, Response], Awaitable[None]]) -> Call:
    """The call of a route that writes: after a 2xx or 3xx, and before it is sent, `invalidate` is awaited."""

    async def invalidating(request: Request) -> Response:
        response = await call(request)
        if 200 <= response.status < 400:
            await invalidate(request, response)
        return response

    return invalidating
