"""The memory tier against a slow, obviously right model, and what it is for: what is asked for again stays."""

from collections.abc import Sequence
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from stanchion.cache.tiers import memory
from stanchion.cache.tiers.memory import OVERHEAD, SHARE, Memory

BOUND = 20 * (OVERHEAD + 100)
operations = st.lists(
    st.tuples(st.sampled_from(["get", "get", "put", "put", "put", "drop"]), st.integers(0, 40), st.integers(0, 900)),
    max_size=300,
)


class Model:
    """S3-FIFO with plain lists, as the paper tells it, with the threshold of `memory`."""

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self.small: list[list[int]] = []  # key, value, size, uses; the oldest first
        self.main: list[list[int]] = []
        self.ghosts: list[int] = []

    def find(self, key: int) -> list[int] | None:
        return next((entry for entry in self.small + self.main if entry[0] == key), None)

    def get(self, key: int) -> int | None:
        entry = self.find(key)
        if entry is None:
            return None
        entry[3] = min(3, entry[3] + 1)
        return entry[1]

    def drop(self, key: int) -> None:
        self.small = [entry for entry in self.small if entry[0] != key]
        self.main = [entry for entry in self.main if entry[0] != key]

    def put(self, key: int, value: int, size: int) -> None:
        size += OVERHEAD
        if size > self.bound / SHARE:
            self.drop(key)
            return
        entry = self.find(key)
        if entry is not None:
            entry[1:3] = [value, size]
        elif key in self.ghosts:
            self.ghosts.remove(key)
            self.main.append([key, value, size, 0])
        else:
            self.small.append([key, value, size, 0])
        while size_of(self.small) + size_of(self.main) > self.bound:
            self.evict()

    def evict(self) -> None:
        if self.main and size_of(self.small) <= self.bound / 10:
            entry = self.main.pop(0)
            if entry[3]:
                self.main.append([*entry[:3], entry[3] - 1])
            return
        entry = self.small[0]
        if entry[3] >= memory._PROMOTE:
            self.main.append([*self.small.pop(0)[:3], 0])
            return
        self.ghosts = [key for key in self.ghosts if key != entry[0]] + [entry[0]]
        if len(self.ghosts) > len(self.small) + len(self.main):
            self.ghosts.pop(0)
        self.small.pop(0)


def size_of(entries: Sequence[Sequence[int]]) -> int:
    return sum(entry[2] for entry in entries)


@given(operations)
def test_it_holds_what_the_model_holds_and_never_more_than_its_bound(done: list[tuple[str, int, int]]) -> None:
    tier: Memory[int] = Memory(BOUND)
    model = Model(BOUND)
    for number, (name, key, size) in enumerate(done):
        if name == "get":
            assert tier.get(key) == model.get(key)
        elif name == "put":
            tier.put(key, number, size)
            model.put(key, number, size)
        else:
            tier.drop(key)
            model.drop(key)
        assert tier.bytes == size_of(model.small) + size_of(model.main) <= BOUND
        assert len(tier) == len(model.small) + len(model.main)
    counted = tier.statistics()
    assert counted["entries"] == len(tier)
    tier.clear()
    assert (tier.bytes, len(tier)) == (0, 0)


def test_a_scan_does_not_evict_what_is_used() -> None:
    tier: Memory[int] = Memory(1000 * (OVERHEAD + 100))
    for key in range(800):
        tier.put(key, key, 100)
        tier.get(key)
    for key in range(10_000, 20_000):
        tier.put(key, key, 100)
    assert sum(tier.get(key) is not None for key in range(800)) > 700


def test_what_is_too_large_is_not_kept_nor_what_it_replaces() -> None:
    tier: Memory[str] = Memory(80_000)
    assert tier.put("key", "small", 10)
    assert not tier.put("key", "large", 10_000)
    assert tier.get("key") is None
    assert tier.put("key", "fits", 10_000 - OVERHEAD)
    assert tier.statistics()["refused"] == 1


def test_a_put_looks_at_few_entries_however_much_all_are_used() -> None:
    tier: Memory[int] = Memory(5000 * (OVERHEAD + 100))
    random = Random(3)
    for key in range(5000):
        tier.put(key, key, 100)
    for key in range(5000):
        for _ in range(3):
            tier.get(key)
    before = tier.statistics()["entries"]
    tier.put(-1, random.randrange(9), 100)
    uses = sorted(entry.uses for entry in tier._entries.values())
    assert tier.statistics()["entries"] == before
    assert sum(3 - one for one in uses) <= 3 * memory._ROUNDS + 3
