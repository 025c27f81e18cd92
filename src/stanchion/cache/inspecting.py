"""What a worker's caches answer to an operator: `stanchion cache`. Nothing here asks an origin."""

from collections.abc import Callable, Sequence
from time import time
from typing import Any

from msgspec import Struct

from stanchion.cache.caches import Caches
from stanchion.cache.declaration import Declaration
from stanchion.cache.entry import Stored
from stanchion.cache.keys import EVERYTHING, IDENTITY, key_of, tag_of_url
from stanchion.cache.layers import Layers
from stanchion.cache.orders import Count, Counted, Found, Held, Look, Order, Place, Purge, Purged, RouteCounts, place
from stanchion.cache.rules import freshness, reuse, variants
from stanchion.cache.tagging import filled
from stanchion.errors import ConfigurationError
from stanchion.http.client import Proxies
from stanchion.http.request import Request

Find = Callable[[str, str], tuple[Any, Sequence[Any]]]
"""Method and raw path to the endpoint that answers there, or None, and the path's arguments."""
Answer = Counted | Found | Purged
_STATES = {reuse.Use.FRESH: "fresh", reuse.Use.STALE: "stale"}


class Inspector:
    """One a worker: it knows the caches that were declared, and the routes they are on."""

    def __init__(self, caches: Caches) -> None:
        self._caches = caches
        self._declared: dict[tuple[str, str], Declaration] = {}

    def __repr__(self) -> str:
        return f"<Inspector of {len(self._declared)} routes>"

    def add(self, method: str, declaration: Declaration) -> None:
        """A route has this cache; of a mounted app's two, for requests and for handshakes, the first is meant."""
        self._declared.setdefault((method, declaration.template), declaration)

    async def answer(self, order: Order, find: Find) -> Answer:
        """Do what is asked.

        Raises:
            ConfigurationError: a URL or a request field is none.
        """
        match order:
            case Count():
                return self._counted()
            case Look():
                return await self._found(order, find)
            case Purge():
                return await self._purged(order)

    def _counted(self) -> Counted:
        routes = [
            RouteCounts(
                method=method,
                route=template,
                name=declaration.options.name,
                tiers=declaration.layers.names,
                counts=declaration.counts.own(),
            )
            for (method, template), declaration in self._declared.items()
        ]
        tiers = {name: tier.statistics() for name, tier in self._caches.tiers.named().items()}
        return Counted(routes=routes, tiers=tiers)

    async def _purged(self, order: Purge) -> Purged:
        tags = [*order.tags, *(tag_of_url(place(url).url) for url in order.urls)]
        if order.everything:
            tags.append(EVERYTHING)
        fleet = await self._caches.invalidate(*tags)
        return Purged(tags=len(order.tags), urls=len(order.urls), everything=order.everything, fleet=fleet)

    async def _found(self, order: Look, find: Find) -> Found:
        where = place(order.url)
        endpoint, args = find("GET", where.path)
        if endpoint is None:
            return Found(route=None, why="no route answers it")
        route = f"{endpoint.route.method} {endpoint.route.template}"
        declaration = self._declared.get((endpoint.route.method, endpoint.route.template))
        if declaration is None:
            return Found(route=route, why="the route has no cache")
        peer = _Nobody(where.scheme, self._caches.settings.max_query_params)
        request = _request(where, order, peer)
        request.path_args, request.path_names = args, endpoint.path_names
        options = declaration.options
        try:
            key = key_of(declaration.template, options.key, by_user=options.by == "user")(request)
        except Exception as error:  # the app's own function: an operator's request may lack what a client's has
            return Found(route=route, why=f"key= of the cache failed: {error!r}")
        if key is None:
            return Found(route=route, why="answers are kept by user; say which with --user")
        entries = await _entries(declaration.layers, key, request.fields)
        tags = None if callable(options.tags) else filled(options.tags, request)
        valid = self._caches.tags.valid
        held = [_held(tier, stored, valid=valid(stored.generations)) for tier, stored in entries]
        return Found(route=route, tags=tags, entries=held)


class _Nobody(Struct, frozen=True):
    """The other end of a request that nobody has sent."""

    scheme: str
    max_query_params: int
    client: tuple[str, int] | None = None
    proxies: Proxies = Proxies()


def _request(where: Place, order: Look, peer: _Nobody) -> Request:
    try:
        fields = {name.lower().encode("latin-1"): value.encode("latin-1") for name, value in order.fields.items()}
    except UnicodeEncodeError as error:
        raise ConfigurationError(
            f"{error.object!r} cannot be part of a request field; give names and values in ISO 8859-1"
        ) from None
    request = Request("GET", where.path, where.query, {b"host": where.host.encode(), **fields}, peer)
    if order.user is not None:
        request.state[IDENTITY] = order.user
    return request


async def _entries(layers: Layers, key: str, asked: dict[bytes, bytes]) -> list[tuple[str, Stored]]:
    """What each tier has for the request; a tier whose signpost is another's may have another variant."""
    found = []
    for at, (tier, stored) in enumerate(await layers.held(key)):
        if stored is not None and stored.status == 0:
            variant = variants.secondary(variants.names(stored.fields) or (), asked)
            _, stored = (await layers.held(key, variant))[at]
        if stored is not None and variants.selects(stored, asked):
            found.append((tier, stored))
    return found


def _held(tier: str, stored: Stored, *, valid: bool) -> Held:
    now = time()
    return Held(
        tier=tier,
        status=stored.status,
        state=_STATES.get(reuse.use({}, stored, now), "expired") if valid else "invalidated",
        age=freshness.age(stored, now),
        fresh_for=-freshness.staleness(stored, now),
        size=len(stored.body),
        codings={coding: len(body) for coding, body in stored.encodings.items()},
        varies=[name.decode("latin-1") for name, _ in stored.selecting],
    )
