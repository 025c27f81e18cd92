"""The fleet's table for tests: a model in a few lines, and the real one with its scripts."""

from array import array
from collections.abc import Sequence
from typing import Protocol

import redis

from stanchion.cache.tags.replica import Change, Mark
from stanchion.cache.tags.scripts import MERGE, RAISE, changes, packed, unpacked

COUNT = 4096


class Store(Protocol):
    """What both can do; messages are told to whoever asks, each once."""

    def raise_marks(self, marks: Sequence[Mark], latest: int) -> list[int] | None: ...
    def merge(self, known: Sequence[int]) -> "array[int]": ...
    def table(self) -> "array[int] | None": ...
    def lose(self) -> None: ...
    def messages(self) -> list[list[Change]]: ...


class Model:
    """What the scripts are meant to do. Its clock stands still unless it is moved."""

    def __init__(self) -> None:
        self.now = 1 << 51
        self._table: dict[int, int] | None = None
        self._told: list[list[Change]] = []

    def raise_marks(self, marks: Sequence[Mark], latest: int) -> list[int] | None:
        if self._table is None:
            return None
        numbers = []
        for cell, _ in marks:
            self._table[cell] = max(self.now, latest + 1, self._table[cell] + 1)
            numbers.append(self._table[cell])
        self._told.append([(cell, number, mark) for (cell, mark), number in zip(marks, numbers, strict=True)])
        return numbers

    def merge(self, known: Sequence[int]) -> "array[int]":
        before = self._table or {}
        after = {cell: max(number, before.get(cell, 0)) or self.now for cell, number in enumerate(known)}
        ahead = [(cell, number, 0) for cell, number in enumerate(known) if number > before.get(cell, 0)]
        if self._table is None:
            self._told.append([])
        elif ahead:
            self._told.append(ahead)
        self._table = after
        return array("Q", after.values())

    def table(self) -> "array[int] | None":
        return None if self._table is None else array("Q", self._table.values())

    def lose(self) -> None:
        """Takes longer than the microseconds by which numbers may be ahead of the clock."""
        self.now = max(self.now, *(self._table or {0: 0}).values()) + 1
        self._table = None

    def messages(self) -> list[list[Change]]:
        told, self._told = self._told, []
        return told


class Real:
    """A table of its own in a Redis."""

    made = 0

    def __init__(self, url: str, count: int = COUNT) -> None:
        type(self).made += 1
        self.count = count
        self.name = f"test:{self.made}"
        self._client = redis.Redis.from_url(url)
        self._channel = self._client.pubsub()  # type: ignore[no-untyped-call]
        self._channel.subscribe(self.name)
        assert self._channel.get_message(timeout=5) is not None

    def raise_marks(self, marks: Sequence[Mark], latest: int) -> list[int] | None:
        flat = [number for mark in marks for number in mark]
        numbers = self._client.eval(RAISE.text, 1, self.name, self.count, latest, *flat)
        return None if numbers is None else [int(number) for number in numbers]

    def merge(self, known: Sequence[int]) -> "array[int]":
        merged = unpacked(self._client.eval(MERGE.text, 1, self.name, self.count, packed(known)), self.count)
        assert merged is not None
        return merged

    def table(self) -> "array[int] | None":
        raw = self._client.get(self.name)
        assert not isinstance(raw, str)
        return unpacked(raw, self.count)

    def lose(self) -> None:
        self._client.delete(self.name)

    def messages(self) -> list[list[Change]]:
        told: list[list[Change]] = []
        self._client.publish(self.name, "end")
        while True:
            message = self._channel.get_message(timeout=5)
            assert message is not None
            if message["data"] == b"end":
                return told
            told.append(changes(message["data"]))

    def close(self) -> None:
        self.lose()
        self._channel.close()
        self._client.close()
