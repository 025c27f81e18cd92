"""An app whose handlers' calls are counted, and a policy that finds out who asks."""

from typing import Any, ClassVar

from stanchion import App, Cache, Request, Response
from stanchion.policies.base import Category, Policy
from stanchion.routing.route import Call, InlineCall, Route


class Counted:
    """Each answer tells the number of the call that made it: `call 1`, `call 2`."""

    def __init__(self, **policies: Any) -> None:
        self.calls = 0
        self.error: Exception | None = None
        """Raised by the next calls, until it is None."""
        self.app = App("counted", **policies)

    def add(self, path: str, cache: Cache | None = None, method: str = "GET", **fields: str) -> None:
        """A route that is cached so, and sends these fields; `_` in their names stands for `-`."""

        async def handler(request: Request) -> Response:
            return self.made(**fields)

        options: dict[str, Any] = {} if cache is None else {"cache": cache}
        self.app.route(method, path, **options)(handler)

    def made(self, status: int = 200, /, **fields: str) -> Response:
        """What a handler answers."""
        self.calls += 1
        if self.error is not None:
            raise self.error
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        return Response(f"call {self.calls}", status=status, headers=headers)


class Identify(Policy, frozen=True, kw_only=True):
    """Takes a field's word for who it is."""

    category: ClassVar[Category] = Category.AUTHENTICATE

    field: str = "x-user"

    def _identify(self, request: Request) -> None:
        name = request.headers.get(self.field)
        if name is not None:
            request.state["identity"] = name

    def wrap(self, call: Call, route: Route) -> Call:
        async def identified(request: Request) -> Response:
            self._identify(request)
            return await call(request)

        return identified

    def wrap_inline(self, inline: InlineCall, route: Route) -> InlineCall:
        def identified(request: Request) -> Response:
            self._identify(request)
            return inline(request)

        return identified
