"""Clients that read from replicas, but nothing older than what they have written themselves."""

from contextlib import suppress
from copy import copy
from typing import ClassVar, Literal

from stanchion.cache.keeping import keeping
from stanchion.cache.rules.invalidation import SAFE
from stanchion.cache.watched import WatchedRequest
from stanchion.data.driver import FAILURES
from stanchion.data.replicas.seen import begin
from stanchion.data.replicas.token import Tokens
from stanchion.errors import RouteError
from stanchion.http.request import Request
from stanchion.http.response import ANSWERED, Response
from stanchion.policies.base import Category, Policy
from stanchion.policies.runtime import Runtime
from stanchion.routing.outcome import Field, Outcome
from stanchion.routing.route import Call, InlineCall, Route

HEADER = "Stanchion-Seen"
COOKIE = "stanchion-seen"
_TOLD = {HEADER: Field("To be sent with later requests, which then see what this one has written.")}
_FIELD = HEADER.lower().encode()


class ReadYourWrites(Policy, frozen=True, kw_only=True):
    """Tells a client that has written how far its writes are in the database's log; where it brings that back, it reads
    from a replica that has come as far, or from the primary. An app whose database has replicas has it on all routes.

    Within a request, reads that follow a write go to the primary. What a cache keeps is made of the primary's rows.

    Raises:
        RouteError: `by` is neither of the two.
    """

    category: ClassVar[Category] = Category.ADMIT  # within the cache, and around the deadline: what was written is told

    by: Literal["cookie", "header"] = "cookie"
    """Browsers bring a cookie back by themselves. By `header` a client finds `Stanchion-Seen` in a response, and sends
    the latest it has got with each request."""

    def __post_init__(self) -> None:
        if self.by not in ("cookie", "header"):
            raise RouteError(f"ReadYourWrites(by={self.by!r}): expected 'cookie' or 'header'")

    def outcomes(self, route: Route) -> tuple[Outcome, ...]:
        """See `Policy`."""
        if self.by == "cookie" or route.method in SAFE:
            return ()
        return (Outcome(status=None, fields=_TOLD),)

    def install(self, call: Call, route: Route, runtime: Runtime) -> Call:
        """See `Policy`."""
        tokens = Tokens(runtime.key)
        brought, telling = (_by_cookie, _in_cookie) if self.by == "cookie" else (_by_field, _in_field)

        async def seeing(request: Request) -> Response:
            if type(request) is WatchedRequest:  # the answer is for others as well, who bring other texts
                keeping.set(True)
                return await call(request)
            text = brought(request)
            seen = begin(tokens.read(text) if text else None)
            response = await call(request)
            if seen.written and response is not ANSWERED:
                with suppress(*FAILURES):  # the write stands, and its client sees it once a replica does
                    return telling(request, response, tokens.made(await seen.positions()))
            return response

        return seeing

    def install_inline(self, inline: InlineCall, route: Route, runtime: Runtime) -> InlineCall:
        """See `Policy`: who never waits asks no database."""
        return inline


def _by_cookie(request: Request) -> str:
    return request.cookies.get(COOKIE, "") if b"cookie" in request.fields else ""


def _by_field(request: Request) -> str:
    return request.fields.get(_FIELD, b"").decode("latin-1")


def _in_cookie(request: Request, response: Response, text: str) -> Response:
    telling = copy(response)  # a handler may keep its own for good
    telling.more_headers = list(response.more_headers or ())
    telling.set_cookie(COOKIE, text, secure=request.scheme == "https")
    return telling


def _in_field(request: Request, response: Response, text: str) -> Response:
    telling = copy(response)
    telling.set_header(HEADER, text)
    return telling
