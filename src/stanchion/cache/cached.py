"""Functions whose results are kept: `@cached(ttl=60, tags=["delays"])` on any async function.

The same tiers, flights and tags as for responses. In memory a result is kept as the object it is; for the tiers beyond,
it is packed by the function's return annotation.
"""

import functools
from collections.abc import Awaitable, Callable
from inspect import Signature, iscoroutinefunction
from time import monotonic_ns, time
from typing import Any, Generic, ParamSpec, TypeVar, cast, get_type_hints

import msgspec

from stanchion.board import Board
from stanchion.cache.caches import Caches, Counts, current
from stanchion.cache.calls import Calls, FunctionOptions, options_of
from stanchion.cache.entry import Stored
from stanchion.cache.flights import Flights
from stanchion.cache.keeping import keeping
from stanchion.cache.kept import Kept
from stanchion.cache.keys import EVERYTHING
from stanchion.cache.layers import Layers
from stanchion.cache.leases import Leases, once
from stanchion.cache.options import MEMORY
from stanchion.cache.refreshing import Refreshing
from stanchion.cache.rules import freshness
from stanchion.errors import ConfigurationError
from stanchion.settings import Settings
from stanchion.telemetry.tallies import CacheCell

P = ParamSpec("P")
T = TypeVar("T")

_UNPACKED = 4096
"""Bytes that a result counts for which cannot be packed."""
_pack = msgspec.msgpack.Encoder().encode
_ROUNDS = 3
"""Calls of others that a caller waits for, each of which may turn out to be from before an invalidation."""


class _Bound:
    """A function's part of the caches of one worker."""

    def __init__(self, caches: Caches, options: FunctionOptions) -> None:
        self.caches = caches
        self.layers: Layers = caches.layers(tuple(options.tiers))
        self.flights: Flights = caches.flights
        self.counts: Counts = caches.counts(options.name)
        self.leases: Leases | None = caches.leases(options.scope) if self.layers.shared else None


class Cached(Generic[P, T]):
    """A function with its results kept."""

    def __init__(self, function: Callable[P, Awaitable[T]], options: FunctionOptions) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._options = options
        self._calls = Calls(function, options)
        self._decode = _decoder(function, self._calls.name) if any(tier != MEMORY for tier in options.tiers) else None
        self._bound: _Bound | None = None
        self._refreshing = Refreshing()

    def __repr__(self) -> str:
        return f"<Cached {self._calls.name} for {self._options.ttl:g} s>"

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        return self if owner is None else functools.partial(self, owner)

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """The result, which callers share: it is not to be changed.

        Raises:
            Exception: what the function raises; of callers who wait for one call each gets it.
        """
        bound, key = self._here(), self._calls.key(args, kwargs)
        kept = self._readable(bound.layers.find(key, {}))
        if kept is not None and kept.until > monotonic_ns():
            bound.counts.add(CacheCell.HITS)
            return self._value(kept)
        if kept is not None and freshness.staleness(kept.stored, time()) < self._options.stale:
            bound.counts.add(CacheCell.STALE)
            work = functools.partial(self._refreshed, bound, key, args, kwargs)
            self._refreshing.begin(key, work, bound.caches.behind)
            return self._value(kept)
        try:
            return self._value(await self._called(bound, key, args, kwargs))
        except Exception:
            if kept is None or not kept.valid():
                raise
            if freshness.staleness(kept.stored, time()) > self._options.stale_if_error:
                raise
            bound.counts.add(CacheCell.STALE)
            return self._value(kept)

    async def invalidate(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Have the next call with these arguments made anew, in all workers."""
        await self._here().caches.invalidate(f"call {self._calls.key(args, kwargs)}")

    async def _refreshed(self, bound: _Bound, key: str, args: Any, kwargs: Any) -> bool:
        await self._called(bound, key, args, kwargs)
        return True

    async def _called(self, bound: _Bound, key: str, args: Any, kwargs: Any) -> Kept:
        mine = False

        async def look() -> Kept | None:
            found = self._readable(bound.layers.find(key, {}) or await bound.layers.fetch(key, {}))
            return found if found is not None and found.until > monotonic_ns() else None

        async def make() -> Kept:
            nonlocal mine
            mine = True
            found = await look() if bound.layers.remotes else None
            if found is not None:
                return found
            if bound.leases is None:
                return await self._made(bound, key, args, kwargs)
            return await once(bound.leases, key.encode(), look, make_and_keep)

        async def make_and_keep() -> tuple[Kept, bool]:
            kept = await self._made(bound, key, args, kwargs)
            await bound.layers.settled()  # who gets the lease next looks there
            return kept, True

        for _ in range(_ROUNDS):
            kept = await bound.flights.run(key, make)
            if mine or kept.valid():
                bound.counts.add(CacheCell.MISSES if mine else CacheCell.COALESCED)
                return kept
        bound.counts.add(CacheCell.MISSES)
        return await self._made(bound, key, args, kwargs)

    async def _made(self, bound: _Bound, key: str, args: Any, kwargs: Any) -> Kept:
        options, requested = self._options, time()
        stamp = bound.caches.tags.stamp((EVERYTHING, f"call {key}", *self._calls.tags(args, kwargs)))
        within = keeping.set(True)
        try:
            value = await self._function(*args, **kwargs)
        except Exception:
            bound.counts.add(CacheCell.FAILED)
            raise
        finally:
            keeping.reset(within)
        body, size = self._packed(value)
        stored = Stored(
            status=200,
            fields=(),
            body=body,
            requested=requested,
            received=time(),
            generations=stamp,
            lifetime=options.ttl,
            stale=options.stale,
            stale_if_error=options.stale_if_error,
        )
        kept = bound.layers.kept(stored)
        kept.value = (value,)
        kept.size += size - len(body)
        bound.counts.add(CacheCell.STORED)
        return bound.layers.put(key, {}, kept, tagged=bool(options.tags))

    def _packed(self, value: T) -> tuple[bytes, int]:
        """The result for the tiers beyond memory, and its size."""
        try:
            packed = _pack(value)
        except (TypeError, NotImplementedError, ValueError, OverflowError):
            if self._decode is not None:
                raise
            return b"", _UNPACKED
        return (packed if self._decode is not None else b""), len(packed)

    def _readable(self, kept: Kept | None) -> Kept | None:
        """None for what cannot be read: another version of the program may have put it there."""
        if kept is not None and kept.value is None:
            try:
                self._value(kept)
            except msgspec.DecodeError:
                return None
        return kept

    def _value(self, kept: Kept) -> T:
        if kept.value is None:
            assert self._decode is not None
            kept.value = (self._decode(kept.stored.body),)
        return cast(T, kept.value[0])

    def _here(self) -> _Bound:
        """This worker's part; a program without an app has caches of its own."""
        provider = current.get()
        caches = _alone() if provider is None else provider()
        if self._bound is None or self._bound.caches is not caches:
            self._bound = _Bound(caches, self._options)
        return self._bound


def cached(**options: Any) -> Callable[[Callable[P, Awaitable[T]]], Cached[P, T]]:
    """Keep the results of the decorated async function; the fields of `FunctionOptions` say how.

    Raises:
        ConfigurationError: an option is unknown or out of range, or it is no async function.
    """
    checked = options_of(options)

    def decorate(function: Callable[P, Awaitable[T]]) -> Cached[P, T]:
        if not iscoroutinefunction(function):
            raise ConfigurationError(f"cached() is for an async function, and {function!r} is none")
        return Cached(function, checked)

    return decorate


@functools.cache
def _alone() -> Caches:
    """Those of a program that serves no app: memory alone."""
    cells = memoryview(bytearray(8 * len(CacheCell))).cast("Q")
    return Caches(Settings(), Board.private(series=16, clients=8), lambda kind, name: (cells, 0))


def _decoder(function: Callable[..., Any], name: str) -> Callable[[bytes], Any]:
    returns = get_type_hints(function).get("return", Signature.empty)
    if returns is Signature.empty:
        raise ConfigurationError(f"{name} needs a return annotation, by which its results are packed for other tiers")
    return msgspec.msgpack.Decoder(returns).decode
