"""The memory of one process: objects by key, within a bound of bytes, by S3-FIFO.

S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023) keeps what is asked for again. A
new entry waits in a small queue, a tenth of the bytes; one that is not used before it comes to the front goes, and its
key is remembered for a while. What is used there, or comes back while its key is remembered, moves to the main queue,
where an entry that was used goes round again. So a scan passes through the small queue and evicts nothing else.

Nothing moves when an entry is got, which is why a get takes 0.1 µs: a use is counted, up to three, and only what has
to make room looks at the counts. Against the paper one thing is bounded: a put sends at most `_ROUNDS` entries round
again, and then takes the next one whatever its count, since with all counts at three the first put would look at every
entry three times (64,000 entries: 60 ms).

Measured beside LRU, TinyLFU and the libraries that have them: docs/why/cache-tiers.md.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

V = TypeVar("V")

OVERHEAD = 560
"""Bytes that an entry takes beside its value: itself, a key of 60 bytes, its places in three dictionaries, and one key
remembered; measured, 530."""
SHARE = 8
"""An entry larger than the bound divided by this is not kept: a few of them would be the whole cache."""

_SMALL = 10
"""The part of the bound that is the small queue's: the paper's tenth."""
_MOST_USES = 3
_PROMOTE = 1
"""Uses in the small queue after which an entry is worth keeping; the paper has two, with which three traces had
0.2, 0.3 and 0.7 hits in a hundred less."""
_ROUNDS = 64


class _Entry(Generic[V]):
    __slots__ = ("key", "main", "size", "uses", "value")

    def __init__(self, key: Hashable, value: V, size: int) -> None:
        self.key = key
        self.value = value
        self.size = size
        self.uses = 0
        self.main = False


class Memory(Generic[V]):
    """One a worker. Called from one thread; an operation takes 0.1 to 2 µs, whatever is in it."""

    def __init__(self, max_bytes: int) -> None:
        """`max_bytes` bounds the sizes given to `put` together with `OVERHEAD` for each entry."""
        self.max_bytes = max_bytes
        self.bytes = 0
        self._entries: dict[Hashable, _Entry[V]] = {}
        self._small: OrderedDict[Hashable, _Entry[V]] = OrderedDict()
        self._main: OrderedDict[Hashable, _Entry[V]] = OrderedDict()
        self._ghosts: OrderedDict[int, None] = OrderedDict()
        self._small_bytes = 0
        self._hits = self._misses = self._stored = self._evicted = self._refused = 0

    def __repr__(self) -> str:
        return f"<Memory of {len(self._entries)} entries, {self.bytes} of {self.max_bytes} bytes>"

    def __len__(self) -> int:
        return len(self._entries)

    def statistics(self) -> dict[str, int]:
        """What is held, and what was asked, stored, evicted and refused since the start."""
        return {
            "entries": len(self._entries),
            "bytes": self.bytes,
            "max_bytes": self.max_bytes,
            "hits": self._hits,
            "misses": self._misses,
            "stored": self._stored,
            "evicted": self._evicted,
            "refused": self._refused,
            "failed": 0,
        }

    def get(self, key: Hashable) -> V | None:
        """The value, or None; counts as a use."""
        entry = self._entries.get(key)
        if entry is None:
            self._misses += 1
            return None
        self._hits += 1
        if entry.uses < _MOST_USES:
            entry.uses += 1
        return entry.value

    def put(self, key: Hashable, value: V, size: int) -> bool:
        """Keep a value of `size` bytes in the place of what the key had; False: it is too large to be kept."""
        size += OVERHEAD
        if size * SHARE > self.max_bytes:
            self.drop(key)
            self._refused += 1
            return False
        entry = self._entries.get(key)
        if entry is None:
            self._add(_Entry(key, value, size))
        else:
            self.bytes += size - entry.size
            if not entry.main:
                self._small_bytes += size - entry.size
            entry.value, entry.size = value, size
        self._stored += 1
        if self.bytes > self.max_bytes:
            self._make_room()
        return True

    def drop(self, key: Hashable) -> None:
        """Forget a key, if there is such."""
        entry = self._entries.get(key)
        if entry is not None:
            self._remove(entry)

    def clear(self) -> None:
        """Forget everything but the counts."""
        for held in (self._entries, self._small, self._main, self._ghosts):
            held.clear()
        self.bytes = self._small_bytes = 0

    def _add(self, entry: _Entry[V]) -> None:
        key = entry.key
        self._entries[key] = entry
        self.bytes += entry.size
        ghost = hash(key)
        if ghost in self._ghosts:
            del self._ghosts[ghost]
            entry.main = True
            self._main[key] = entry
        else:
            self._small[key] = entry
            self._small_bytes += entry.size

    def _remove(self, entry: _Entry[V]) -> None:
        del self._entries[entry.key]
        self.bytes -= entry.size
        if entry.main:
            del self._main[entry.key]
        else:
            del self._small[entry.key]
            self._small_bytes -= entry.size

    def _make_room(self) -> None:
        rounds = 0
        while self.bytes > self.max_bytes:
            if self._main and self._small_bytes * _SMALL <= self.max_bytes:
                entry = next(iter(self._main.values()))
                if entry.uses and rounds < _ROUNDS:
                    rounds += 1
                    entry.uses -= 1
                    self._main.move_to_end(entry.key)
                    continue
            else:
                entry = next(iter(self._small.values()))
                if entry.uses >= _PROMOTE and rounds < _ROUNDS:
                    rounds += 1
                    self._promote(entry)
                    continue
                self._remember(entry.key)
            self._remove(entry)
            self._evicted += 1

    def _promote(self, entry: _Entry[V]) -> None:
        del self._small[entry.key]
        self._small_bytes -= entry.size
        entry.uses = 0
        entry.main = True
        self._main[entry.key] = entry

    def _remember(self, key: Hashable) -> None:
        """By the key's hash, 32 bytes whatever the key; two that share one are a wrong guess, no wrong answer."""
        self._ghosts[hash(key)] = None
        if len(self._ghosts) > len(self._entries):
            self._ghosts.popitem(last=False)
