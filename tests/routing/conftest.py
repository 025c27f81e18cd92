"""What the tests of binding share: a handler bound to a route and asked once."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from stanchion.errors import HTTPError, ValidationFailed
from stanchion.http.response import Response
from stanchion.routing.binding import Binding, BindLimits, bind
from stanchion.routing.route import Handler, Route, Run
from stanchion.routing.template import parse
from tests.http.conftest import RequestOf, request_of

__all__ = ["request_of"]  # the fixture


class Bound:
    """A handler behind a route; `ask` sends it one request, `faults` gives what a 422 lists."""

    def __init__(self, request_of: RequestOf, binding: Binding, method: str) -> None:
        self._request_of = request_of
        self._method = method
        self.binding = binding

    def ask(
        self,
        query: str = "",
        *,
        args: Sequence[Any] = (),
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Response:
        request = self._request_of(self._method, f"/?{query}", headers, None if body is None else [body])
        request.path_args = args
        return asyncio.run(self._call(request))

    async def _call(self, request: Any) -> Response:
        return await self.binding.call(request)

    def faults(self, *args: Any, **kwargs: Any) -> list[tuple[str, str, str]]:
        with pytest.raises(ValidationFailed) as caught:
            self.ask(*args, **kwargs)
        return [(error.location, error.expected, error.received) for error in caught.value.errors]

    def refusal(self, *args: Any, **kwargs: Any) -> tuple[int, str]:
        with pytest.raises(HTTPError) as caught:
            self.ask(*args, **kwargs)
        return caught.value.status, caught.value.code


BoundOf = Callable[..., Bound]


@pytest.fixture(scope="session")
def bound_of(request_of: RequestOf) -> BoundOf:
    """`bound_of(handler, "POST", "/orders/{id}", limits=…)`."""

    def build(
        handler: Handler,
        method: str = "GET",
        template: str = "/",
        *,
        status: int = 200,
        run: Run = "auto",
        resources: Mapping[type, Any] | None = None,
        limits: BindLimits | None = None,
    ) -> Bound:
        route = Route(method=method, template=template, handler=handler, name="tested", status=status, run=run)
        names = tuple(parameter.name for parameter in parse(template).parameters)
        binding = bind(route, names, {} if resources is None else resources, limits or BindLimits())
        return Bound(request_of, binding, method)

    return build
