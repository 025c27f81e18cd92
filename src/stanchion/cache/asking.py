"""One call of the origin for all who want the same, and what becomes of each of them."""

import asyncio
from collections.abc import Mapping
from functools import partial
from time import monotonic_ns, time

from stanchion import deadline
from stanchion.cache.answering import answer, marked
from stanchion.cache.declaration import Declaration
from stanchion.cache.declaring import PRIVATE
from stanchion.cache.fetching import Fetched, Origin
from stanchion.cache.kept import Kept
from stanchion.cache.leases import once
from stanchion.cache.passing import Passes, Passing
from stanchion.cache.refreshing import Refreshing
from stanchion.cache.rules import reuse, variants
from stanchion.cache.rules.reuse import Use
from stanchion.cache.rules.status import Forwarded, Handling, cache_status
from stanchion.errors import GatewayTimeout, HTTPError, ServiceUnavailable
from stanchion.http.request import Request
from stanchion.http.response import Response, discard
from stanchion.offload.places import Places
from stanchion.telemetry.tallies import CacheCell

_MOST_BEHIND = 256
"""Entries that a declaration refreshes at one time; others stay stale until there is room."""
_ALONE, _MOST_ALONE = 32, 10_000
"""Requests that were not admitted and ask each for itself at one time, after they have waited in vain; and those that
wait for it. A route of private answers, whose requests are admitted as others are, would be held to 32 at a time."""
_SOON = 100_000_000
"""Nanoseconds in which a request that has missed is taken to be on its way to the origin: a crowd arrives in one turn
of the loop, before the first of it has begun. Should that one be turned away, another makes the call."""
_MOST_COMING = 4096
_ROUNDS = 3
"""Calls of others that a request waits for, each of which may turn out to be for another variant, or invalidated."""
_COLLAPSED = cache_status(Handling(fwd="miss", collapsed=True))


class Asking:
    """The origin of one declaration, as requests ask it."""

    def __init__(self, declaration: Declaration, passing: Passing) -> None:
        caches, options = declaration.caches, declaration.options
        self._layers = declaration.layers
        self._origin = Origin(declaration)
        self._passing = passing
        self._flights = caches.flights
        self._leases = caches.leases(options.scope) if self._layers.shared else None
        self._counts = declaration.counts
        self._declared = declaration.governs
        self._passes: Passes[bytes] = Passes()
        self._coming: dict[bytes, int] = {}  # places whose call is about to be made, since when
        self._alone = Places(_ALONE, _MOST_ALONE)
        self._behind = caches.behind
        self._refreshing = Refreshing(_MOST_BEHIND)

    def __repr__(self) -> str:
        return f"<Asking {self._origin!r}, {len(self._refreshing)} refreshed>"

    def statistics(self) -> dict[str, int]:
        """Entries that are refreshed now."""
        return {"refreshing": len(self._refreshing)}

    def joins(self, key: str, asked: Mapping[bytes, bytes]) -> bool:
        """Whether a request that is not answered yet will wait for another's call."""
        place = self._layers.place(key, asked)
        if place in self._passes:
            return False
        if place in self._flights:
            return True
        now = monotonic_ns()
        if now - self._coming.get(place, 0) < _SOON:
            return True
        if len(self._coming) >= _MOST_COMING:
            self._coming.clear()
        self._coming[place] = now
        return False

    async def ask(self, key: str, kept: Kept | None, verdict: Use, request: Request, *, free: bool = False) -> Response:
        """The answer by the origin, or by `kept` where that may stand in for one that fails; `free`: the request was
        taken to wait for another's, and not admitted.

        Raises:
            GatewayTimeout: the client wants an answer only if it is cached (code `not-cached`).
        """
        if reuse.only_if_cached(request.fields):
            self._counts.add(CacheCell.MISSES)
            headers = {"Cache-Status": cache_status(Handling(fwd="miss"))}
            raise GatewayTimeout("there is no cached answer", code="not-cached", headers=headers)
        try:
            response = await self._asked(key, kept, verdict, request, free)
        except Exception as error:
            status = error.status if isinstance(error, HTTPError) else 500
            if status < 500 or kept is None or not self._stands_in(request, kept, answered=False):
                raise
            return self._stood_in(request, kept, status)
        if response.status < 500 or kept is None or not self._stands_in(request, kept, answered=True):
            return response
        await discard(response)
        return self._stood_in(request, kept, response.status)

    def refresh(self, key: str, kept: Kept, request: Request) -> None:
        """Make the next entry behind an answer; one call at a time."""
        self._refreshing.begin(key, partial(self._refreshed, key, kept, request), self._behind)

    def refreshes(self, key: str, kept: Kept) -> bool:
        """Whether the successor of a stale entry is being made, or has just failed, and the entry may still be had."""
        return key in self._refreshing and kept.valid()

    async def _refreshed(self, key: str, kept: Kept, request: Request) -> bool:
        deadline.lift()
        place = self._layers.place(key, request.fields)
        fetched, mine = await self._flown(key, place, kept, request)
        if mine and fetched.response is not None:
            await discard(fetched.response)
            await fetched.whole()
        return fetched.response is None or fetched.response.status < 500

    def _stands_in(self, request: Request, kept: Kept, *, answered: bool) -> bool:
        asked = {} if self._declared else request.fields
        return kept.valid() and reuse.may_stand_in(asked, kept.stored, time(), answered=answered)

    def _stood_in(self, request: Request, kept: Kept, status: int) -> Response:
        self._counts.add(CacheCell.STALE)
        return answer(request.method, request.fields, kept, cache_status(Handling(fwd="stale", fwd_status=status)))

    async def _asked(self, key: str, kept: Kept | None, verdict: Use, request: Request, free: bool) -> Response:
        why: Forwarded = "uri-miss" if kept is None else "stale" if kept.until <= monotonic_ns() else "request"
        if self._passing.whole(request):
            self._counts.add(CacheCell.MISSES)
            return await self._passing.directly(key, kept, request)
        known = kept if verdict is Use.VALIDATE else None
        for _ in range(_ROUNDS):
            place = self._layers.place(key, request.fields)
            if place in self._passes:
                break
            filling = self._origin.fillings.get(place)
            if filling is None:
                fetched, mine = await self._flown(key, place, known, request)
            else:
                fetched, mine = Fetched(filling=filling), False
            if mine and not fetched.found:
                self._learn(key, place, fetched)
                return self._answered(fetched, why, request)
            entry = await fetched.whole()
            if entry is None:
                break
            if entry.valid() and variants.selects(entry.stored, request.fields):
                self._counts.add(CacheCell.COALESCED)
                return answer(request.method, request.fields, entry, _COLLAPSED)
        fetched = await (self._made_alone if free else self._made)(key, known, request)
        self._learn(key, place, fetched)
        return self._answered(fetched, why, request)

    async def _made_alone(self, key: str, kept: Kept | None, request: Request) -> Fetched:
        """Ask for one request of those who have waited for an answer that was not for them: they come all at once, and
        were not admitted to any work, so a few at a time."""
        if not await self._alone.enter():
            raise ServiceUnavailable("too many wait for the cache", code="cache-crowded", headers={"Retry-After": "1"})
        try:
            return await self._made(key, kept, request)
        finally:
            self._alone.leave()

    def _learn(self, key: str, place: bytes, fetched: Fetched) -> None:
        """An answer for one client alone says that the next will be, too, and one for all that it will not."""
        alone = fetched.response is not None and fetched.filling is None and fetched.shared is None
        straight = self._passing.straight
        if alone:
            self._passes.add(place)
        else:
            self._passes.discard(place)
        if straight is not None:
            (straight.add if alone else straight.discard)(key)

    def _answered(self, fetched: Fetched, why: Forwarded, request: Request) -> Response:
        """The answer to who has asked the origin."""
        self._counts.add(CacheCell.MISSES)
        response, entry = fetched.response, fetched.kept
        if fetched.own is not None:
            return marked(fetched.own, cache_status(Handling(fwd=why, stored=True)))
        if response is None and entry is not None:
            status = Handling(fwd=why, fwd_status=304 if fetched.confirmed else None, stored=True)
            return answer(request.method, request.fields, entry, cache_status(status))
        assert response is not None
        unsaid = self._declared and response.status < 400 and not response.has_header("cache-control")
        return marked(response, cache_status(Handling(fwd=why)), PRIVATE if unsaid else None)

    async def _flown(self, key: str, place: bytes, kept: Kept | None, request: Request) -> tuple[Fetched, bool]:
        """What one call for all has come to, and whether this request has made it."""
        mine = left = False
        made: Response | None = None

        async def make() -> Fetched:
            nonlocal mine, made
            mine = True
            fetched = await self._made_once(key, place, kept, request)
            made = fetched.response
            if left and made is not None:
                await discard(made)
            return fetched

        try:
            return await self._flights.run(place, make), mine
        except asyncio.CancelledError:
            left = True
            if made is not None:
                await discard(made)
            raise

    async def _made_once(self, key: str, place: bytes, kept: Kept | None, request: Request) -> Fetched:
        """Ask, unless another process has: as far as the scope of the declaration goes."""
        if self._leases is None:
            return await self._made(key, kept, request)

        async def look() -> Fetched | None:
            found = self._layers.find(key, request.fields) or await self._layers.fetch(key, request.fields)
            fresh = found is not None and reuse.use({}, found.stored, time()) is Use.FRESH
            return Fetched(kept=found, found=True) if fresh else None

        async def make() -> tuple[Fetched, bool]:
            fetched = await self._made(key, kept, request)
            await self._layers.settled()  # who gets the lease next looks there
            return fetched, fetched.response is None

        return await once(self._leases, place, look, make)

    async def _made(self, key: str, kept: Kept | None, request: Request) -> Fetched:
        try:
            fetched = await self._origin.ask(key, request, kept)
        except Exception as error:
            if not isinstance(error, HTTPError) or error.status >= 500:
                self._counts.add(CacheCell.FAILED)
            raise
        if fetched.response is not None and fetched.response.status >= 500:
            self._counts.add(CacheCell.FAILED)
        elif fetched.kept is not None:
            self._counts.add(CacheCell.REVALIDATED if fetched.confirmed else CacheCell.STORED)
        return fetched
