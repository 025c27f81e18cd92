"""Requests that go past the cache, and what their answers change in it."""

from collections.abc import Callable
from time import monotonic, time
from typing import Generic, TypeVar

from stanchion.cache.answering import marked
from stanchion.cache.caches import Caches
from stanchion.cache.declaration import Declaration
from stanchion.cache.declaring import PRIVATE
from stanchion.cache.kept import Kept
from stanchion.cache.keys import tag_of, tag_of_url
from stanchion.cache.rules import invalidation, validation
from stanchion.cache.rules.status import Handling, cache_status
from stanchion.cache.watched import CREDENTIALS
from stanchion.http.hit import Later
from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.http.sendable import raw_fields
from stanchion.telemetry.tallies import CacheCell

K = TypeVar("K")
_BYPASS = cache_status(Handling(fwd="bypass"))
_METHOD = cache_status(Handling(fwd="method"))
_MISS = cache_status(Handling(fwd="uri-miss"))
_MISS_FIELD = b"Cache-Status", _MISS.encode()


class Passing:
    """The way past the cache of one declaration."""

    def __init__(self, declaration: Declaration) -> None:
        self._caches = declaration.caches
        self._layers = declaration.layers
        self._tagged = bool(declaration.options.tags)
        self._call = declaration.call
        self._foreign = declaration.foreign
        guarded = declaration.foreign and declaration.governs and declaration.options.by == "public"
        self.guards = CREDENTIALS - declaration.varies if guarded else frozenset()
        """Fields with which nothing is kept, nor answered: a declaration cannot know what an app makes of them."""
        self._counts = declaration.counts
        self.straight = Straight() if declaration.foreign and not declaration.governs else None
        """Keys past which the cache is gone without a look; only where an upstream's own fields decide."""
        self.straight_later = Later(call=self._straight_on)
        self._method_later = Later(call=self._other_method)
        self._past_later = Later(call=self._past)

    def of(self, request: Request) -> Later | None:
        """The way past, for a request that is not for the cache: of another method, with a body, with credentials."""
        if request.method != "GET" and request.method != "HEAD":
            return self._method_later
        if request.stream is not None or (self.guards and not self.guards.isdisjoint(request.fields)):
            return self._past_later
        if self._foreign and b"upgrade" in request.fields:
            return self._past_later
        return None

    def whole(self, request: Request) -> bool:
        """Whether an app or an upstream has to see this request as it is: only it can tell what a HEAD says, or a part
        of something large."""
        return self._foreign and (request.method == "HEAD" or b"range" in request.fields)

    async def directly(self, key: str, kept: Kept | None, request: Request) -> Response:
        """Send it as it is. What a HEAD is answered brings an entry up to date, or shows that it is not (RFC 9111
        §4.3.5)."""
        requested = time()
        response = await self._call(request)
        if kept is not None and request.method == "HEAD" and response.status == 200:
            fields = raw_fields(response)
            updated = validation.head_update(kept.stored, fields, requested=requested, received=time())
            if updated is None:
                await self._caches.invalidate(tag_of(request))
            else:
                self._layers.put(key, request.fields, self._layers.kept(updated), tagged=self._tagged)
        return marked(response, _MISS)

    async def unknown(self, request: Request) -> Response:
        """By user, and nobody has said who it is."""
        response = await self._call(request)
        return marked(response, _BYPASS, None if response.has_header("cache-control") else PRIVATE)

    async def _past(self, request: Request) -> Response:
        return marked(await self._call(request), _BYPASS)

    async def _straight_on(self, request: Request) -> Response:
        response = await self._call(request)
        self._counts.add(CacheCell.MISSES)
        if response.fields is None or response.status < 200:
            return marked(response, _MISS)
        response.fields.append(_MISS_FIELD)  # fields made elsewhere are this response's alone: no copy
        return response

    async def _other_method(self, request: Request) -> Response:
        response = await self._call(request)
        if invalidation.invalidates(request.method, response.status):
            await invalidate_related(self._caches, request, response)
        return marked(response, _METHOD)


async def invalidate_related(caches: Caches, request: Request, response: Response) -> None:
    """Make what is kept of the request's URL invalid, and of those that the answer names (RFC 9111 §4.4)."""
    host = request.fields.get(b"host", b"").decode("latin-1").lower()
    query = f"?{request.query_string}" if request.query_string else ""
    named = [field for field in raw_fields(response) if field[0] in (b"location", b"content-location")]
    urls = invalidation.related(f"{request.scheme}://{host}{request.path}{query}", named)
    await caches.invalidate(*map(tag_of_url, urls))


class Passes(Generic[K]):
    """What had an answer for one client alone: for a while nobody waits there for another's.

    They would wait one after another, each for nothing ("hit for pass").
    """

    def __init__(self, seconds: float = 10.0, most: int = 10_000, clock: Callable[[], float] = monotonic) -> None:
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._until: dict[K, float] = {}

    def __repr__(self) -> str:
        return f"<Passes at {len(self._until)} places>"

    def __contains__(self, key: K) -> bool:
        until = self._until.get(key)
        if until is None:
            return False
        if until > self._clock():
            return True
        del self._until[key]
        return False

    def add(self, key: K) -> None:
        """From now on, for a while; the oldest makes room."""
        self._until.pop(key, None)
        while len(self._until) >= self._most:
            del self._until[next(iter(self._until))]
        self._until[key] = self._clock() + self._seconds

    def discard(self, key: K) -> None:
        """Somebody got an answer for all."""
        self._until.pop(key, None)


class Straight(Passes[str]):
    """Keys whose answers were for one client alone so often in a row that for a while nobody asks whether the next is.

    Looking whether an answer may be kept costs 60 µs, twice what a request through the gateway takes without. An answer
    that may be kept is found a second later at the most, and begins the count anew.
    """

    def __init__(
        self, row: int = 8, seconds: float = 1.0, most: int = 10_000, clock: Callable[[], float] = monotonic
    ) -> None:
        super().__init__(seconds, most, clock)
        self._row = row
        self._counts: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"<Straight: {len(self._until)} of {len(self._counts)} keys>"

    def add(self, key: str) -> None:
        """An answer was for one client alone; the oldest key makes room."""
        count = self._counts.pop(key, 0) + 1
        while len(self._counts) >= self._most:
            self._until.pop(oldest := next(iter(self._counts)), None)
            del self._counts[oldest]
        self._counts[key] = count
        if count >= self._row:
            super().add(key)

    def discard(self, key: str) -> None:
        """An answer may be kept."""
        self._counts.pop(key, None)
        super().discard(key)
