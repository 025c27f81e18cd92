"""Answers kept for others: look-up before admission, one call of the handler for many, stale answers while it works."""

import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, ClassVar, get_args

from msgspec import ValidationError, convert
from msgspec.structs import fields, force_setattr

from stanchion.cache.declaration import Declaration
from stanchion.cache.engine import Engine
from stanchion.cache.options import CacheOptions, Scope, misplaced
from stanchion.cache.passing import invalidate_related
from stanchion.cache.rules.invalidation import SAFE
from stanchion.errors import RouteError
from stanchion.http.hit import Later, called
from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.policies.base import Category, Policy
from stanchion.policies.caches import after_success, caches_of, check_tags, inspector_of
from stanchion.policies.runtime import Runtime
from stanchion.redis_driver import redacted
from stanchion.routing.outcome import Field, Outcome
from stanchion.routing.route import Call, Gate, InlineCall, Route
from stanchion.routing.tree import ANY

READING = ("GET", "HEAD", ANY)
_FIELD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_GOVERNED = {
    "Cache-Control": Field("How long clients and caches may keep the answer (RFC 9111)."),
    "ETag": Field("Names this answer, for If-None-Match (RFC 9110)."),
}
_TOLD = {
    "Age": Field("Seconds since the answer was made, where it comes from the cache.", "integer"),
    "Cache-Status": Field("What the cache did (RFC 9211)."),
}
_NEED_TTL = ("stale", "stale_if_error", "client_ttl")


class Cache(Policy, CacheOptions, frozen=True, kw_only=True):
    """Keeps a route's answers: `Cache(ttl=60, stale=600, tags=["airport:{iata}"])`.

    An answer is kept only if it was made from what its key holds. What a handler reads of a request's fields it varies
    by; what it makes of credentials, cookies, the client's address, or of what a policy found out about the caller, is
    sent to that one client and kept for nobody, unless `by="user"`. Of other methods than GET and HEAD only the
    consequence is kept: what they change of the same URL is asked anew.

    Raises:
        RouteError: an option is out of range, or does not go with another.
    """

    category: ClassVar[Category] = Category.CACHE

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_lists()
        self._check_choices()
        if self.ttl is None and (given := [name for name in _NEED_TTL if getattr(self, name)]):
            raise RouteError(
                f"{self!r}: {given[0]} goes with a ttl; without one the response's own Cache-Control says all of it"
            )
        if self.by == "user" and self.ttl is None:
            raise RouteError(f"{self!r}: answers of users need a ttl; what they say themselves is for shared caches")

    def _check_lists(self) -> None:
        for name in ("vary", "tiers", "tags"):
            value: Any = getattr(self, name)
            if name == "tags" and callable(value):
                continue
            try:
                force_setattr(self, name, convert(value, tuple[str, ...]))  # lists are for who writes them
            except ValidationError:
                raise RouteError(f"Cache({name}={value!r}): expected a list of texts") from None
        for name in self.vary:
            if name == "*" or not _FIELD.fullmatch(name):
                raise RouteError(
                    f"Cache(vary={self.vary!r}): {name!r} is no name of a field, such as 'Accept-Language'"
                )

    def _check_choices(self) -> None:
        for name in ("compress", "surrogate_keys"):
            if type(getattr(self, name)) is not bool:
                raise RouteError(f"Cache({name}={getattr(self, name)!r}): expected True or False")
        if self.by not in ("public", "user") or self.scope not in get_args(Scope):
            raise RouteError(f"{self!r}: by is 'public' or 'user', scope is one of {', '.join(get_args(Scope))}")
        if self.key is not None and not callable(self.key):
            raise RouteError(f"{self!r}: key is a function of the request that returns a text")
        if wrong := misplaced(self.tiers, self.scope):
            raise RouteError(f"Cache({wrong})")

    def __repr__(self) -> str:
        """As it was written, without a password."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        changed = {field.name: given[field.name] for field in fields(self) if given[field.name] != field.default}
        if "tiers" in changed:
            changed["tiers"] = tuple(redacted(tier) if "://" in tier else tier for tier in self.tiers)
        return f"Cache({', '.join(f'{name}={value!r}' for name, value in changed.items())})"

    def outcomes(self, route: Route) -> tuple[Outcome, ...]:
        """See `Policy`."""
        if route.method not in READING:
            return ()
        told = _TOLD if self.ttl is None else _GOVERNED | _TOLD
        return (
            Outcome(status=None, fields=told),
            Outcome(status=304, description="What If-None-Match or If-Modified-Since names still holds", fields=told),
        )

    def install(self, call: Call, route: Route, runtime: Runtime) -> Call:
        """See `Policy`."""
        if route.method not in READING:
            return _invalidating(call, runtime) if route.method not in SAFE else call
        return self._engine(call, route, runtime).call

    def install_inline(self, inline: InlineCall, route: Route, runtime: Runtime) -> InlineCall | None:
        """See `Policy`: a hit needs no task, what makes it does."""
        return inline if route.method in SAFE - set(READING) else None

    @property
    def gates(self) -> bool:
        """See `Policy`."""
        return True

    def install_gate(self, gate: Gate, route: Route, runtime: Runtime) -> Gate:
        """See `Policy`."""
        if route.method in READING:
            return self._engine(called(gate), route, runtime).gate
        return gate if route.method in SAFE else _always_later(_invalidating(called(gate), runtime))

    def _engine(self, call: Callable[[Request], Awaitable[Response]], route: Route, runtime: Runtime) -> Engine:
        if not callable(self.tags):
            check_tags("tags", self.tags, route)
        caches, foreign = caches_of(runtime), route.method == ANY
        declaration = Declaration(
            caches=caches,
            options=self,
            layers=caches.layers(self.tiers),
            counts=caches.counts(self.name),
            call=call,
            template=route.template,
            foreign=foreign,
        )
        inspector_of(runtime).add(route.method, declaration)
        return Engine(declaration)


def _always_later(call: Call) -> Gate:
    later = Later(call=call)
    return lambda request: later


def _invalidating(call: Call, runtime: Runtime) -> Call:
    """A call that changes something: what is kept of its URL is asked anew (RFC 9111 §4.4)."""
    return after_success(call, partial(invalidate_related, caches_of(runtime)))
