"""The tier that the workers of one machine share: an LMDB file in shared memory, where a get takes about a microsecond.

A reader sees the last committed state and waits for nobody. A writer holds a robust mutex of the kernel, which the next
one gets if its holder is killed, and what was half written then is in pages that nothing refers to. The file is written
with write(2), never through the map: on a full /dev/shm that is an error, where a store to the map would be SIGBUS.

Beside each entry is its number in the order of writing. What is over the bound goes by that order, the oldest first, a
sixteenth of the bound in the transaction that found it so.
"""

import logging
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from struct import Struct as Layout
from time import time
from typing import Any

import lmdb

from stanchion.cache.tiers.place import private_directory

_log = logging.getLogger("stanchion.cache")

SHARE = 8
"""An entry larger than the bound divided by this is not kept."""

_PAGE = 4096
_FULL = 0.6
"""The part of the file that entries may take: a transaction copies what it changes before it frees what was there, and
a large entry takes pages in a row."""
_BATCH = 16
_MOST_READERS = 1024
_LONGEST_KEY = 255
_HEAD = Layout(">d8s")  # Unix seconds when it expires; its number
_UNOPENED = (lmdb.InvalidError, lmdb.CorruptedError, lmdb.VersionMismatchError, lmdb.PageNotFoundError)


class Machine:
    """One a process: LMDB forbids to open a file twice in one, and to take it through a fork. So the file is opened by
    `open` or the first use, when the app serves, and not by who only compiles it."""

    def __init__(self, path: str | None, max_bytes: int, *, clock: Callable[[], float] = time) -> None:
        """`path` is a directory; None makes one for this process alone, which `close` removes. `max_bytes` is the size
        the file can grow to."""
        self.max_bytes = max_bytes
        self._clock = clock
        self._path = path
        self._own: str | None = None
        self._most_pages = int(max_bytes * _FULL) // _PAGE
        self._hits = self._misses = self._stored = self._evicted = self._refused = self._failed = 0
        self._env: Any = None
        self._tried = False

    def __repr__(self) -> str:
        return f"<Machine in {self._path}, {self._hits} hits, {self._misses} misses>"

    def open(self) -> None:
        """Open the file, once; where that fails all it has is missed."""
        if self._tried:
            return
        self._tried = True
        try:
            if self._path is None:
                self._path = self._own = private_directory(None, self.max_bytes)
            self._open(self._path)
        except (lmdb.Error, OSError) as error:
            self._failure(error)

    def statistics(self) -> dict[str, int]:
        """What this process has asked and stored, and the entries of all with the bytes they take."""
        entries = pages = 0
        with suppress(lmdb.Error, AttributeError), self._env.begin() as txn:
            entries, pages = txn.stat(self._entries)["entries"], self._pages(txn)
        return {
            "entries": entries,
            "bytes": pages * _PAGE,
            "max_bytes": self.max_bytes,
            "hits": self._hits,
            "misses": self._misses,
            "stored": self._stored,
            "evicted": self._evicted,
            "refused": self._refused,
            "failed": self._failed,
        }

    def get(self, key: bytes) -> bytes | None:
        """The bytes that were put there last and have not expired, or None."""
        if not self._tried:
            self.open()
        try:
            with self._env.begin(self._entries) as txn:
                found: bytes | None = txn.get(_short(key))
        except (lmdb.Error, AttributeError) as error:
            self._failure(error)
            found = None
        if found is None or _HEAD.unpack_from(found)[0] <= self._clock():
            self._misses += 1
            return None
        self._hits += 1
        return found[_HEAD.size :]

    def put(self, key: bytes, value: bytes, seconds: float) -> bool:
        """Keep the value for that time, or until it has to make room; False: it is too large, or was not kept."""
        if len(value) * SHARE > self.max_bytes:
            self.drop(key)
            self._refused += 1
            return False
        kept = self._written(lambda txn: self._put(txn, _short(key), value, self._clock() + seconds))
        self._stored += kept
        return kept

    def drop(self, key: bytes) -> None:
        """Forget a key, if there is such."""
        self._written(lambda txn: self._forget(txn, _short(key)))

    def clear(self) -> None:
        """Forget everything, for all processes."""
        self._written(self._empty)

    def close(self) -> None:
        """Close the file for good, and remove it where it is this process's own."""
        self._tried = True
        if self._env is not None:
            self._env.close()
            self._env = None
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)

    def _open(self, path: str) -> None:
        try:
            self._begin(path)
        except _UNOPENED as error:
            _log.warning("the cache in %s is damaged and begins anew: %s", path, error)
            for name in ("data.mdb", "lock.mdb"):
                with suppress(FileNotFoundError):
                    os.unlink(os.path.join(path, name))
            self._begin(path)

    def _begin(self, path: str) -> None:
        os.makedirs(path, mode=0o700, exist_ok=True)
        env = lmdb.open(
            path,
            map_size=self.max_bytes,
            mode=0o600,
            sync=False,  # it need not outlive the machine
            metasync=False,
            readahead=False,
            meminit=False,
            max_dbs=2,
            max_readers=_MOST_READERS,
        )
        env.reader_check()
        self._entries, self._order = env.open_db(b"entries"), env.open_db(b"order")
        self._env = env

    def _written(self, change: Callable[[Any], None]) -> bool:
        """Whether the change was made; where the file is full, after more and more had to go."""
        self.open()
        for mend in (None, self._evict_half, self._evict_half, self._empty, self._stir):
            try:
                if mend is not None:
                    self._env.reader_check()  # a killed reader keeps pages from being used again
                    with self._env.begin(write=True) as txn:
                        mend(txn)
                with self._env.begin(write=True) as txn:
                    change(txn)
                return True
            except lmdb.MapFullError:
                continue
            except (lmdb.Error, AttributeError) as error:
                self._failure(error)
                return False
        self._failed += 1
        return False

    def _put(self, txn: Any, key: bytes, value: bytes, expires: float) -> None:
        self._forget(txn, key)
        with txn.cursor(self._order) as cursor:
            last = int.from_bytes(cursor.key(), "big") if cursor.last() else 0
        number = (last + 1).to_bytes(8, "big")
        txn.put(number, key, db=self._order, append=True)
        txn.put(key, _HEAD.pack(expires, number) + value, db=self._entries)
        if self._pages(txn) > self._most_pages:
            self._evict(txn, self._most_pages - self._most_pages // _BATCH)

    def _forget(self, txn: Any, key: bytes) -> None:
        held = txn.pop(key, db=self._entries)
        if held is not None:
            txn.delete(_HEAD.unpack_from(held)[1], db=self._order)

    def _evict(self, txn: Any, pages: int) -> None:
        with txn.cursor(self._order) as cursor:
            while self._pages(txn) > pages and cursor.first():
                txn.delete(cursor.value(), db=self._entries)
                cursor.delete()
                self._evicted += 1

    def _evict_half(self, txn: Any) -> None:
        self._evict(txn, self._pages(txn) // 2)

    def _empty(self, txn: Any) -> None:
        for held in (self._entries, self._order):
            txn.drop(held, delete=False)

    def _stir(self, txn: Any) -> None:
        """Commit something: pages that a transaction frees are used again from the second one after it."""
        txn.put(bytes(8), b"", db=self._order)
        txn.delete(bytes(8), db=self._order)

    def _pages(self, txn: Any) -> int:
        """That entries and their order take."""
        counts = (txn.stat(self._entries), txn.stat(self._order))
        return sum(one["leaf_pages"] + one["branch_pages"] + one["overflow_pages"] for one in counts)

    def _failure(self, error: Exception) -> None:
        self._failed += 1
        if self._failed == 1:
            _log.warning("the cache in %s fails, what it has is missed: %r", self._path, error)


def _short(key: bytes) -> bytes:
    """LMDB takes keys of 1 to 511 bytes."""
    return key if 0 < len(key) <= _LONGEST_KEY else blake2b(key, digest_size=32).digest()
