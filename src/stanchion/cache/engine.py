"""One declaration at work: what is at hand is answered at once, and one call makes what many wait for.

`gate` decides without a task: by an entry in memory or in the machine's tier, fresh, or stale with its successor made
behind. What it cannot answer is `Later`: one of those who wait for the same asks the tiers that are away, then, as the
scope has it, the lease, then the origin; the others get what it got.
"""

from collections.abc import Callable
from functools import partial
from time import monotonic_ns, time
from typing import Any, TypedDict, Unpack

from stanchion.cache.answering import HIT, answer
from stanchion.cache.asking import Asking
from stanchion.cache.declaration import Declaration
from stanchion.cache.kept import Kept
from stanchion.cache.keys import key_of
from stanchion.cache.passing import Passing
from stanchion.cache.rules import reuse
from stanchion.cache.rules.reuse import Use
from stanchion.cache.rules.status import Handling, cache_status
from stanchion.http.hit import Hit, Later, called
from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.telemetry.tallies import CacheCell

_CONDITIONS = frozenset((b"if-modified-since", b"if-none-match", b"if-range", b"range"))
_WISHES = frozenset((b"authorization", b"cache-control", b"if-match", b"if-unmodified-since", b"pragma"))
"""With one of these, what the entry is good for has to be looked at; a declared cache does not ask clients."""


class _Vouched(TypedDict):
    """What a hit says of itself; see `Hit`."""

    until: int
    valid: Callable[[], bool]
    touch: Callable[[], bool]
    count: Callable[[int], Any]


class Engine:
    """One a declaration and route, in a worker."""

    def __init__(self, declaration: Declaration) -> None:
        options = declaration.options
        self._layers = declaration.layers
        self._passing = Passing(declaration)
        self._straight = self._passing.straight
        self._asking = Asking(declaration, self._passing)
        self._counts = declaration.counts
        self._key = key_of(declaration.template, options.key, by_user=options.by == "user")
        self._declared = declaration.governs
        self.call = called(self.gate)
        """The same for who has a task already."""
        self._special = _CONDITIONS if self._declared else _CONDITIONS | _WISHES
        self._shelved = (
            self._layers.in_memory and options.by == "public" and options.key is None and not self._passing.guards
        )

    def __repr__(self) -> str:
        return f"<Engine {self._layers!r}>"

    def statistics(self) -> dict[str, int]:
        """What this worker has counted, for all declarations of the name; entries that are refreshed now."""
        return {**self._counts.statistics(), **self._asking.statistics()}

    def gate(self, request: Request) -> Response:
        """The answer, if there is one at hand; else what makes it."""
        passed = self._passing.of(request)
        if passed is not None:
            return passed
        key = self._key(request)
        if key is None:
            return Later(call=self._passing.unknown)
        fields = request.fields
        straight = self._straight
        if straight is not None and key in straight and b"cache-control" not in fields:
            return self._passing.straight_later
        kept = self._layers.find(key, fields)
        if kept is None:
            free = self._asking.joins(key, fields)
            return Later(call=partial(self._missed, key, free), free=free)
        if kept.until > monotonic_ns() and self._special.isdisjoint(fields):
            self._counts.add(CacheCell.HITS)
            return self._hit(key, kept, request)
        verdict = self._verdict(request, kept)
        if verdict is Use.FRESH or verdict is Use.STALE:
            return self._at_hand(key, kept, request, verdict)
        return Later(call=partial(self._missed, key, False))

    def _verdict(self, request: Request, kept: Kept) -> Use:
        asked = request.fields
        if self._declared and not _WISHES.isdisjoint(asked):
            asked = {name: value for name, value in asked.items() if name not in _WISHES}
        return reuse.use(asked, kept.stored, time())

    def _hit(self, key: str, kept: Kept, request: Request) -> Response:
        """A fresh entry's answer, which the wire layer may keep at hand if it is the same for all."""
        if request.method == "HEAD":
            return answer("HEAD", request.fields, kept, HIT)
        return self._made_hit(
            kept,
            request,
            HIT,
            until=kept.until,
            valid=kept.valid,
            touch=partial(self._layers.touch, key, request.fields, kept),
            count=partial(self._counts.add, CacheCell.HITS),
        )

    def _stale(self, key: str, kept: Kept, request: Request) -> Response:
        """A stale entry's answer, with its successor made behind; at hand for others until that is there."""
        self._counts.add(CacheCell.STALE)
        self._asking.refresh(key, kept, request)
        ttl = reuse.fresh_for(kept.stored, time()) // 1
        status = cache_status(Handling(hit=True, ttl=ttl))
        if request.method == "HEAD" or not self._special.isdisjoint(request.fields):
            return answer(request.method, request.fields, kept, status)
        return self._made_hit(
            kept,
            request,
            status,
            until=kept.stale_until,
            valid=partial(self._asking.refreshes, key, kept),
            touch=lambda: reuse.fresh_for(kept.stored, time()) // 1 == ttl,
            count=partial(self._counts.add, CacheCell.STALE),
        )

    def _made_hit(self, kept: Kept, request: Request, status: str, **vouched: Unpack[_Vouched]) -> Hit:
        form = kept.form(request.fields.get(b"accept-encoding"))
        return Hit(
            form.stored.body,
            form.stored.status,
            form.media_type,
            {"Age": str(max(0, int(time() - kept.born))), "Cache-Status": status},
            fields=form.fields,
            date=form.date,
            born=kept.born,
            plain=self._shelved and not kept.stored.selecting,
            **vouched,
        )

    def _at_hand(self, key: str, kept: Kept, request: Request, verdict: Use) -> Response:
        if verdict is Use.STALE:
            return self._stale(key, kept, request)
        self._counts.add(CacheCell.HITS)
        return answer(request.method, request.fields, kept, HIT)

    async def _missed(self, key: str, free: bool, request: Request) -> Response:
        """Look again, since others may have been answered while this request waited to be admitted; look into the tiers
        that are away; then ask."""
        kept = self._layers.find(key, request.fields) or await self._layers.fetch(key, request.fields)
        if kept is None:
            return await self._asking.ask(key, None, Use.FETCH, request, free=free)
        verdict = self._verdict(request, kept)
        if verdict is Use.FRESH or verdict is Use.STALE:
            return self._at_hand(key, kept, request, verdict)
        return await self._asking.ask(key, kept, verdict, request, free=free)
