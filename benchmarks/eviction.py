"""`python -m benchmarks.eviction`: hit ratios and costs of in-process caches over made-up traces of requests.

Each cache gets the same requests: a get, and a put after a miss. Libraries are measured where they are installed; they
are no dependency of anything else. Three traces, of keys out of 100,000, every entry 1 KiB:

    zipf        popularity by rank to the power of -0.9, as studies of web caches find it
    scan        the same, and every 20,000 requests a scan over 10,000 keys that nobody asks for again
    shifting    the same as zipf, but every 50,000 requests the popular keys are others
"""

import argparse
import sys
from bisect import bisect
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from itertools import accumulate
from random import Random
from time import perf_counter_ns
from typing import Any, Protocol

from stanchion.cache.tiers.memory import OVERHEAD, Memory

KEYS = 100_000
SIZE = 1024


class Cache(Protocol):
    """What a trace is played on."""

    def get(self, key: bytes) -> object | None: ...

    def put(self, key: bytes, value: bytes) -> object: ...


class Ours:
    """Memory with the size filled in."""

    def __init__(self, entries: int) -> None:
        memory: Memory[bytes] = Memory(entries * (SIZE + OVERHEAD))
        self.get = memory.get
        self.put = lambda key, value: memory.put(key, value, SIZE)


class Lru:
    """The plain one, in Python."""

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._held: OrderedDict[bytes, bytes] = OrderedDict()

    def get(self, key: bytes) -> bytes | None:
        value = self._held.get(key)
        if value is not None:
            self._held.move_to_end(key)
        return value

    def put(self, key: bytes, value: bytes) -> None:
        self._held[key] = value
        if len(self._held) > self._entries:
            self._held.popitem(last=False)


class Library:
    """One that has to be imported; `method` is the name of its put."""

    def __init__(self, cache: Any, method: str = "__setitem__") -> None:
        self.get = cache.get
        self.put = getattr(cache, method)


def _theine(entries: int) -> Cache:
    cache = import_module("theine").Cache(entries, nolock=True)

    class Theine:
        get = staticmethod(lambda key: cache.get(key)[0])
        put = staticmethod(cache.set)

    return Theine()


CACHES: dict[str, Callable[[int], Cache]] = {
    "Memory (S3-FIFO)": Ours,
    "LRU, an OrderedDict": Lru,
    "cachetools LRUCache": lambda n: Library(import_module("cachetools").LRUCache(n)),
    "lru-dict": lambda n: Library(import_module("lru").LRU(n)),
    "cachebox LRUCache": lambda n: Library(import_module("cachebox").LRUCache(n)),
    "moka-py (W-TinyLFU)": lambda n: Library(import_module("moka_py").Moka(n), "set"),
    "theine (W-TinyLFU)": _theine,
}


def zipf(random: Random, count: int, shift_every: int = 0) -> Iterator[int]:
    """Ranks, the first the most popular; every `shift_every` requests they move on by a tenth of the keys."""
    weights = list(accumulate(1 / rank**0.9 for rank in range(1, KEYS + 1)))
    for number in range(count):
        shift = number // shift_every * KEYS // 10 if shift_every else 0
        yield (bisect(weights, random.random() * weights[-1]) + shift) % KEYS


def scan(random: Random, count: int) -> Iterator[int]:
    """zipf, with scans in between."""
    fresh = KEYS
    for number, key in enumerate(zipf(random, count), start=1):
        yield key
        if number % 20_000 == 0:
            yield from range(fresh, fresh + 10_000)
            fresh += 10_000


TRACES: dict[str, Callable[[Random, int], Iterator[int]]] = {
    "zipf": zipf,
    "scan": scan,
    "shifting": lambda random, count: zipf(random, count, 50_000),
}


def ratio(cache: Cache, trace: Sequence[bytes]) -> float:
    """The share of hits."""
    hits = 0
    value = bytes(SIZE)
    for key in trace:
        if cache.get(key) is not None:
            hits += 1
        else:
            cache.put(key, value)
    return hits / len(trace)


def nanoseconds(cache: Cache, entries: int) -> tuple[float, float]:
    """Of a get that hits, and of a put that evicts; the loop's own time taken off."""
    keys = [b"GET example.org /items/%d" % number for number in range(4 * entries)]
    for key in keys[:entries]:
        cache.put(key, key)
    held = [key for key in keys[:entries] if cache.get(key) is not None] * 4
    return _timed(cache.get, held), _timed(lambda key: cache.put(key, key), keys[entries:])


def _timed(call: Callable[[bytes], object], keys: Sequence[bytes]) -> float:
    def once(function: Callable[[bytes], object]) -> int:
        began = perf_counter_ns()
        for key in keys:
            function(key)
        return perf_counter_ns() - began

    return (once(call) - min(once(id) for _ in range(3))) / len(keys) + 25  # an empty C call, about


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.eviction", description=__doc__)
    parser.add_argument("--requests", type=int, default=500_000)
    parser.add_argument("--entries", type=int, default=5_000, help="that the caches have room for")
    chosen = parser.parse_args(arguments)
    traces = {name: [b"/items/%d" % key for key in make(Random(7), chosen.requests)] for name, make in TRACES.items()}
    print("| cache |", " | ".join(traces), "| get, ns | put that evicts, ns |\n| --- |", "--- | " * (len(traces) + 2))
    for name, make in CACHES.items():
        try:
            ratios = [f"{ratio(make(chosen.entries), trace):.1%}" for trace in traces.values()]
            costs = [f"{cost:.0f}" for cost in nanoseconds(make(chosen.entries), chosen.entries)]
        except ImportError:
            continue
        print("|", " | ".join([name, *ratios, *costs]), "|", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
