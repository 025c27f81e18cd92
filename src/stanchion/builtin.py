"""The endpoints no one declares: 404, 405, automatic OPTIONS, /openapi.json and /docs."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache

import msgspec

from stanchion.board.layout import RESERVED, UNMATCHED
from stanchion.errors import MethodNotAllowed, NotFound
from stanchion.http.request import Request
from stanchion.http.response import HTML, JSON, Response
from stanchion.routing.binding import Binding
from stanchion.routing.outcome import OVERLOADED
from stanchion.routing.route import Endpoint, InlineCall, Route

_ANY_BODY = 1 << 62
OPENAPI_PATH = "/openapi.json"
DOCS_PATH = "/docs"
_NO_ROUTE = RESERVED[UNMATCHED]
"""Stands for the route in metrics, so that no client can add to them."""


def inline_endpoint(method: str, template: str, answer: InlineCall, names: tuple[str, ...] = ()) -> Endpoint:
    """An endpoint that answers without a task; `answer` may raise HTTPError."""

    async def call(request: Request) -> Response:
        return answer(request)

    route = Route(method=method, template=template, handler=answer, name=template, run="inline", hidden=True)
    return Endpoint(route, call, answer, names, _ANY_BODY)


def missing(method: str, allowed: Sequence[str]) -> Endpoint:
    """What answers where no route does: 404, 405 with Allow, or OPTIONS for a path that has other methods."""
    return _missing(method == "OPTIONS", ", ".join(allowed))


@cache  # one for each distinct set of methods of an app: few
def _missing(is_options: bool, allow: str) -> Endpoint:
    def not_found(request: Request) -> Response:
        raise NotFound("no route has this path")

    def not_allowed(request: Request) -> Response:
        raise MethodNotAllowed(f"{request.method} is not one of {allow}", headers={"Allow": allow})

    def options(request: Request) -> Response:
        return Response(status=204, headers={"Allow": allow})

    if not allow:
        return inline_endpoint("", _NO_ROUTE, not_found)
    return inline_endpoint("", _NO_ROUTE, options if is_options else not_allowed)


def documentation(
    title: str, version: str, routes: Sequence[tuple[Route, Binding]], *, admission: bool
) -> Iterator[tuple[str, Endpoint]]:
    """Templates and endpoints of the API's own description; each is made when it is first asked for, and so is the
    code that makes it imported."""

    @cache
    def description() -> bytes:
        from stanchion.routing.openapi import document

        return msgspec.json.encode(document(title, version, routes, [OVERLOADED] if admission else []))

    @cache
    def html() -> bytes:
        from stanchion.routing.docs_page import page

        return page(title, OPENAPI_PATH, DOCS_PATH).encode()

    def assets(request: Request) -> Response:
        from stanchion.routing.docs_page import asset

        found = asset(request.path_args[0])
        if found is None:
            raise NotFound("no such asset")
        return Response(found[0], media_type=found[1], headers={"Cache-Control": "public, max-age=86400"})

    yield OPENAPI_PATH, _fixed(OPENAPI_PATH, description, JSON)
    yield DOCS_PATH, _fixed(DOCS_PATH, html, HTML)
    template = DOCS_PATH + "/{name}"
    yield template, inline_endpoint("GET", template, assets, ("name",))


def _fixed(template: str, make: Callable[[], bytes], media_type: str) -> Endpoint:
    return inline_endpoint("GET", template, lambda request: Response(make(), media_type=media_type))
