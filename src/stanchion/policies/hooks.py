"""Plain functions before and after a handler, for what has no policy of its own."""

from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import Any, ClassVar

from stanchion.errors import RouteError
from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.policies.base import Category, Policy
from stanchion.routing.encode import complete
from stanchion.routing.route import Call, Route


class Before(Policy, frozen=True, kw_only=True):
    """Calls `hook(request)` before the handler; what it returns other than None is the response."""

    category: ClassVar[Category] = Category.HOOK
    stacks: ClassVar[bool] = True

    hook: Callable[[Request], Awaitable[Response | None]]

    def wrap(self, call: Call, route: Route) -> Call:
        hook = _async_only(self.hook)

        async def hooked(request: Request) -> Response:
            response = await hook(request)
            return await call(request) if response is None else complete(response)

        return hooked


class After(Policy, frozen=True, kw_only=True):
    """Calls `hook(request, response)` with a handler's response; it may change it in place. Errors pass it by."""

    category: ClassVar[Category] = Category.HOOK
    stacks: ClassVar[bool] = True

    hook: Callable[[Request, Response], Awaitable[None]]

    def wrap(self, call: Call, route: Route) -> Call:
        hook = _async_only(self.hook)

        async def hooked(request: Request) -> Response:
            response = await call(request)
            await hook(request, response)
            return complete(response)

        return hooked


def _async_only(hook: Any) -> Any:
    if not iscoroutinefunction(hook):
        raise RouteError(f"the hook {hook!r} is not an `async def` function; make it one")
    return hook
