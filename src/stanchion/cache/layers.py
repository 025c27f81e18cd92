"""The tiers of one declaration, nearest first: looked into in that order, and filled together.

An entry is under its URL's key; where the answer varies, a signpost is there, and the variants are beside it. What is
found further away is put into the nearer tiers. An entry whose tags were invalidated is none.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from time import monotonic_ns, time
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from stanchion.cache.entry import Stored
from stanchion.cache.kept import Kept, Signpost
from stanchion.cache.keys import stored_key
from stanchion.cache.options import MACHINE, MEMORY
from stanchion.cache.rules import freshness, variants
from stanchion.cache.rules.terms import terms
from stanchion.cache.tiers.codec import pack, unpack
from stanchion.cache.tiers.memory import Memory

_MOST_READ = 64
Asked = Mapping[bytes, bytes]
Found = Kept | Signpost
_VALIDATED = 3600.0
"""Seconds that an entry is kept beyond its use, where it can still be validated."""


class Machine(Protocol):
    """The tier that the workers of a machine share; it answers at once."""

    def get(self, key: bytes) -> bytes | None: ...

    def put(self, key: bytes, value: bytes, seconds: float) -> object: ...


class Remote(Protocol):
    """A tier on a server; it answers in a bounded time."""

    @property
    def name(self) -> str: ...

    async def get(self, key: bytes) -> bytes | None: ...

    async def put(self, key: bytes, value: bytes, seconds: float) -> object: ...


class Away(Struct, frozen=True, eq=False):
    """A tier on a server."""

    tier: Remote
    fleet: bool
    """All who use it have the same generations. Where they have not, it keeps only what has no tags of its own, and
    nothing but its lifetime ends that."""


class Layers:
    """Where the entries of one declaration are."""

    def __init__(
        self,
        memory: Memory[Found] | None,
        machine: Machine | None,
        remotes: Sequence[Away],
        valid: Callable[[tuple[tuple[int, int], ...]], bool],
        behind: Callable[[Coroutine[Any, Any, object]], "asyncio.Task[object] | None"],
    ) -> None:
        """`valid` asks for the generations of tags; `behind` has something done while the answer goes out."""
        self._memory = memory
        self._machine = machine
        self.remotes = tuple(remotes)
        self._valid = valid
        self._behind = behind
        self._writes: set[asyncio.Task[object]] = set()  # to remote tiers
        self._read: dict[str, tuple[bytes, Found]] = {}  # without memory: the last entries read, and as what

    def __repr__(self) -> str:
        return f"<Layers {[tier for tier in (self._memory, self._machine, *self.remotes) if tier is not None]}>"

    @property
    def in_memory(self) -> bool:
        """Whether this worker has entries of its own."""
        return self._memory is not None

    @property
    def shared(self) -> bool:
        """Whether other processes see what is put here."""
        return self._machine is not None or bool(self.remotes)

    @property
    def names(self) -> list[str]:
        """The tiers, nearest first, as they are counted."""
        near = [name for name, tier in ((MEMORY, self._memory), (MACHINE, self._machine)) if tier is not None]
        return near + [away.tier.name for away in self.remotes]

    async def held(self, key: str, variant: bytes = b"") -> list[tuple[str, Stored | None]]:
        """What each tier has there, valid or not: entries, and signposts with the status 0. A look that brings nothing
        nearer; the tiers count it."""
        place, near = stored_key(key, variant), []
        if self._memory is not None:
            known = self._memory.get(_near_key(key, variant))
            near.append(None if known is None else known.stored)
        packed = [] if self._machine is None else [self._machine.get(place)]
        packed += [await away.tier.get(place) for away in self.remotes]
        far = [None if one is None else unpack(one) for one in packed]
        return list(zip(self.names, near + far, strict=True))

    def find(self, key: str, asked: Asked) -> Kept | None:
        """The valid entry for this request in memory or in the machine's tier, fresh or not."""
        variant = b""
        found = self._near(key, variant)
        if type(found) is Signpost:
            variant = variants.secondary(found.names, asked)
            found = self._near(key, variant)
        return found if type(found) is Kept and variants.selects(found.stored, asked) else None

    async def fetch(self, key: str, asked: Asked) -> Kept | None:
        """The same of the tiers further away; what they have comes nearer."""
        for away in self.remotes:
            variant = b""
            found = await self._far(away.tier, key, variant)
            if type(found) is Signpost:
                variant = variants.secondary(found.names, asked)
                found = await self._far(away.tier, key, variant)
            if type(found) is Kept and variants.selects(found.stored, asked):
                return found
        return None

    def kept(self, stored: Stored) -> Kept:
        """A stored response, as memory has it."""
        return Kept(stored, self._valid, time())

    def place(self, key: str, asked: Asked) -> bytes:
        """What is one for all who may get the same entry, as far as it is known by what they vary."""
        return stored_key(key, self._variant(key, asked))

    def put(self, key: str, asked: Asked, kept: Kept, tagged: bool) -> Kept:
        """Keep an entry in all tiers; those that take their time get it behind the answer. `tagged`: it has tags of its
        own."""
        stored = kept.stored
        names = {name for name, _ in stored.selecting}
        variant = b""
        if names:
            found = self._post(key)
            names |= (
                frozenset() if found is None else frozenset(found.names)
            )  # an answer may look at fewer than another
            post = Signpost(tuple(sorted(names)))
            self._put(key, b"", post, kept, tagged)
            variant = variants.secondary(post.names, asked)
        self._put(key, variant, kept, kept, tagged)
        return kept

    async def settled(self) -> None:
        """Until what was put is in the tiers further away too, where these take it; each does so in a bounded time."""
        if self._writes:
            await asyncio.wait(self._writes)

    def touch(self, key: str, asked: Asked, kept: Kept) -> bool:
        """Whether memory still has this entry; counts as a use of it."""
        return self._memory is not None and self._memory.get(_near_key(key, self._variant(key, asked))) is kept

    def _variant(self, key: str, asked: Asked) -> bytes:
        post = self._post(key)
        return b"" if post is None else variants.secondary(post.names, asked)

    def _post(self, key: str) -> Signpost | None:
        found = None if self._memory is None else self._memory.get(key)
        return found if type(found) is Signpost else None

    def _near(self, key: str, variant: bytes) -> Found | None:
        near = _near_key(key, variant)
        held = None if self._memory is None else self._memory.get(near)
        now = monotonic_ns()
        if type(held) is Signpost or (type(held) is Kept and held.until > now and held.valid()):
            return held
        if self._machine is not None and (held is None or held.due(now)):
            packed = self._machine.get(stored_key(key, variant))
            shared = None if packed is None else self._known(near, packed)
            if shared is not None and not (
                type(held) is Kept and type(shared) is Kept and shared.stored.received <= held.stored.received
            ):
                if self._memory is not None:
                    self._memory.put(near, shared, shared.size)
                return shared
        return held if type(held) is Kept and held.valid() else None

    async def _far(self, remote: Remote, key: str, variant: bytes) -> Found | None:
        packed = await remote.get(stored_key(key, variant))
        found = None if packed is None else self._unpacked(packed)
        if packed is None or found is None:
            return None
        if self._memory is not None:
            self._memory.put(_near_key(key, variant), found, found.size)
        if self._machine is not None:
            self._machine.put(stored_key(key, variant), packed, _seconds(found))
        return found

    def _known(self, near: str, packed: bytes) -> Found | None:
        """What these bytes are. Without memory an entry would be made anew for every use, which takes 10 µs; one that
        is byte for byte the one read before is the same."""
        if self._memory is not None:
            return self._unpacked(packed)
        before = self._read.get(near)
        if before is not None and before[0] == packed:
            found = before[1]
            return found if type(found) is Signpost or (type(found) is Kept and found.valid()) else None
        if len(self._read) >= _MOST_READ:
            self._read.clear()
        read = self._unpacked(packed)
        if read is not None:
            self._read[near] = packed, read
        return read

    def _unpacked(self, packed: bytes) -> Found | None:
        stored = unpack(packed)
        if stored is None:
            return None
        if stored.status == 0:
            return Signpost(tuple(stored.fields[0][1].split(b",")))
        return Kept(stored, self._valid, time()) if self._valid(stored.generations) else None

    def _put(self, key: str, variant: bytes, found: Found, kept: Kept, tagged: bool) -> None:
        if self._memory is not None:
            self._memory.put(_near_key(key, variant), found, found.size)
        if not self.shared:
            return
        packed = pack(found.stored)
        place, seconds = stored_key(key, variant), _seconds(kept)
        if self._machine is not None:
            self._machine.put(place, packed, seconds)
        for away in self.remotes:
            if away.fleet:
                self._write(away.tier.put(place, packed, seconds))
            elif not tagged:
                alone = pack(replace(found.stored, generations=()))
                self._write(away.tier.put(place, alone, seconds))

    def _write(self, put: Coroutine[Any, Any, object]) -> None:
        task = self._behind(put)
        if task is not None:
            self._writes.add(task)
            task.add_done_callback(self._writes.discard)


def _near_key(key: str, variant: bytes) -> str:
    return f"{key}\n{variant.decode('latin-1')}" if variant else key


def _seconds(found: Found) -> float:
    """How long an entry can be of use."""
    if type(found) is not Kept:
        return _VALIDATED
    stored = found.stored
    left = max(0.0, freshness.lifetime(stored) - freshness.age(stored, time()))
    own = terms(stored)
    stale = own.while_revalidate if stored.stale is None else stored.stale
    error = own.if_error or 0 if stored.stale_if_error is None else stored.stale_if_error
    validated = _VALIDATED if stored.lifetime is None and (own.etag or own.modified) else 0.0
    return max(1.0, left + max(stale, error, validated))
