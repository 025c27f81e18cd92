"""Functions whose results are kept: `@cached(ttl=60, tags=["delays"])` on any async function.

The same tiers, flights and tags as for responses. In memory a result is kept as the object it is; for the tiers beyond,
it is packed by the function's return annotation.
"""

import asyncio
import functools
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from inspect import Signature, iscoroutinefunction, signature
from string import Formatter
from time import monotonic_ns, time
from typing import Annotated, Any, Generic, ParamSpec, TypeVar, cast, get_type_hints

import msgspec
from msgspec import Meta, Struct

from stanchion.board import Board
from stanchion.cache.caches import Caches, Counts, current
from stanchion.cache.entry import Stored
from stanchion.cache.flights import Flights
from stanchion.cache.keeping import keeping
from stanchion.cache.kept import Kept
from stanchion.cache.keys import EVERYTHING
from stanchion.cache.layers import Layers
from stanchion.cache.leases import Leases, once
from stanchion.cache.options import MEMORY, Scope, misplaced
from stanchion.cache.rules import freshness
from stanchion.errors import ConfigurationError
from stanchion.settings import Settings
from stanchion.telemetry.tallies import CacheCell

P = ParamSpec("P")
T = TypeVar("T")

_UNPACKED = 4096
"""Bytes that a result counts for which cannot be packed."""
_names: Counter[str] = Counter()
_pack = msgspec.msgpack.Encoder().encode
_plain = msgspec.msgpack.Encoder(order="deterministic").encode
"""Of arguments: what JSON writes alike, such as None and NaN, or bytes and their base64, are different calls."""
_PAUSE = 1.0
"""Seconds after a failed refresh in which none is tried for that result."""
_ROUNDS = 3
"""Calls of others that a caller waits for, each of which may turn out to be from before an invalidation."""


class FunctionOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the results of a function are kept; times are in seconds."""

    ttl: Annotated[float, Meta(gt=0)]
    """How long a result is fresh."""
    stale: Annotated[float, Meta(ge=0)] = 0.0
    """How long after that it is still returned, while one call makes the next."""
    stale_if_error: Annotated[float, Meta(ge=0)] = 0.0
    """How long after its freshness it is returned where the function raises."""
    tags: Sequence[str] = ()
    """What ends results before their time; `{name}` is filled in from the arguments."""
    key: Callable[..., str] | None = None
    """What a result depends on, from the arguments; needed where one of them is no plain value, such as a `self`."""
    tiers: Sequence[str] = (MEMORY,)
    """As for `Cache`; beyond memory the function needs a return annotation that msgspec can pack."""
    scope: Scope = "worker"
    """As for `Cache`."""
    name: str = "functions"
    """In metrics."""


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
        self._name = _named(function)
        self._signature = signature(function)
        self._check_tags()
        self._decode = _decoder(function, self._name) if any(tier != MEMORY for tier in options.tiers) else None
        self._bound: _Bound | None = None
        self._refreshing: set[str] = set()

    def __repr__(self) -> str:
        return f"<Cached {self._name} for {self._options.ttl:g} s>"

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        return self if owner is None else functools.partial(self, owner)

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """The result, which callers share: it is not to be changed.

        Raises:
            Exception: what the function raises; of callers who wait for one call each gets it.
        """
        bound, key = self._here(), self._key(args, kwargs)
        kept = self._readable(bound.layers.find(key, {}))
        if kept is not None and kept.until > monotonic_ns():
            bound.counts.add(CacheCell.HITS)
            return self._value(kept)
        if kept is not None and freshness.staleness(kept.stored, time()) < self._options.stale:
            bound.counts.add(CacheCell.STALE)
            if key not in self._refreshing:
                self._refreshing.add(key)
                if bound.caches.behind(self._refreshed(bound, key, args, kwargs)) is None:
                    self._refreshing.discard(key)
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
        await self._here().caches.invalidate(f"call {self._key(args, kwargs)}")

    async def _refreshed(self, bound: _Bound, key: str, args: Any, kwargs: Any) -> None:
        try:
            await self._called(bound, key, args, kwargs)
        except Exception:  # counted; the next call after the stale time raises it to its caller
            asyncio.get_running_loop().call_later(_PAUSE, self._refreshing.discard, key)
        except BaseException:
            self._refreshing.discard(key)
            raise
        else:
            self._refreshing.discard(key)

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
        stamp = bound.caches.tags.stamp((EVERYTHING, f"call {key}", *self._tags(args, kwargs)))
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

    def _key(self, args: Any, kwargs: Any) -> str:
        if self._options.key is not None:
            return f"call {self._name}\n{self._options.key(*args, **kwargs)}"
        arguments = self._arguments(args, kwargs)
        try:
            return f"call {self._name}\n{_plain(arguments).decode('latin-1')}"
        except (TypeError, NotImplementedError, OverflowError, RecursionError):
            raise ConfigurationError(
                f"an argument of {self._name} is no plain value; give cached(key=…), a function of the same arguments"
            ) from None

    def _arguments(self, args: Any, kwargs: Any) -> dict[str, Any]:
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.arguments

    def _check_tags(self) -> None:
        for tag in self._options.tags:
            try:
                named = [name for _, name, _, _ in Formatter().parse(tag) if name is not None]
            except ValueError as error:
                raise ConfigurationError(f"cached(tags=[{tag!r}]): {error}; write `{{{{` for a brace") from None
            for name in named:
                if re.split(r"[.\[]", name)[0] not in self._signature.parameters:
                    raise ConfigurationError(f"cached(tags=[{tag!r}]): {self._name} has no argument {name!r}")

    def _tags(self, args: Any, kwargs: Any) -> tuple[str, ...]:
        if not any("{" in tag for tag in self._options.tags):
            return tuple(self._options.tags)
        arguments = self._arguments(args, kwargs)
        return tuple(tag.format_map(arguments) for tag in self._options.tags)


def cached(**options: Any) -> Callable[[Callable[P, Awaitable[T]]], Cached[P, T]]:
    """Keep the results of the decorated async function; the fields of `FunctionOptions` say how.

    Raises:
        ConfigurationError: an option is unknown or out of range, or it is no async function.
    """
    try:
        checked = msgspec.convert(options, FunctionOptions, strict=True)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"cached(): {error}; give ttl in seconds, and see FunctionOptions") from None
    if wrong := misplaced(tuple(checked.tiers), checked.scope):
        raise ConfigurationError(f"cached({wrong})")

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


def _named(function: Callable[..., Any]) -> str:
    """A name that all workers have for it. Functions within others may share one, and get numbers."""
    name = f"{function.__module__}.{function.__qualname__}"
    _names[name] += 1
    return name if _names[name] == 1 else f"{name} {_names[name]}"


def _decoder(function: Callable[..., Any], name: str) -> Callable[[bytes], Any]:
    returns = get_type_hints(function).get("return", Signature.empty)
    if returns is Signature.empty:
        raise ConfigurationError(f"{name} needs a return annotation, by which its results are packed for other tiers")
    return msgspec.msgpack.Decoder(returns).decode
