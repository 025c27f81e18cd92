"""Generations: a number a tag. What was made under another one than it has now is no longer valid.

A cell never gets a number back that it had before. Without a fleet it counts up. In a fleet its numbers are given by a
store that all machines share, and grow; between a change that is made here and the number that the store gives to it, a
cell holds a mark: a number of chance that is nowhere else. See `cache.tags`.
"""

import sys
from array import array
from collections.abc import Callable, Iterable
from secrets import randbits
from zlib import crc32

from stanchion.board.section import Section

MARK = 1 << 63
"""The bit that tells a mark."""

_HIGHEST = 7 if sys.byteorder == "little" else 0
"""The byte of a cell that has it."""


class Generations(Section):
    """Reading takes no lock (0.04 µs); raising one takes 0.9 µs and is exact over processes.

    Tags share the cells by hash. Two tags in one cell invalidate each other's entries, which costs a look-up anew and
    is never stale. A process killed in a change has made it or has not.
    """

    def index(self, tag: str) -> int:
        """The cell of a tag: the same in every process and after every restart."""
        return crc32(tag.encode("utf-8", "surrogatepass")) % self._count

    def get(self, index: int) -> int:
        """The generation now."""
        return self._cells[index]

    def bump(self, index: int) -> int:
        """Raise the generation by one; returns the new one.

        Raises:
            IndexError: there is no such cell.
        """
        return self._change(index, lambda now: now + 1)[1]

    def same(self, stamps: Iterable[tuple[int, int]]) -> bool:
        """Whether all these cells still have these numbers: 0.06 µs for one, 0.03 more for each other."""
        cells = self._cells
        for index, number in stamps:  # noqa: SIM110 - `all` of a generator takes 0.2 µs more
            if cells[index] != number:
                return False
        return True

    def begin(self, number: int) -> None:
        """Give this number to every cell, once in the life of a board, before any other change; it is not 0.

        A board begins with zeros, as the one before it did. Entries that outlived that one would be taken for valid.
        """
        self._locks.acquire(self._first)
        try:
            if not self._cells[0]:
                self._cells[1:] = memoryview(array("Q", [number]) * (self._count - 1))
                self._cells[0] = number  # last: whoever finds it takes the others for begun
        finally:
            self._locks.release()

    def mark(self, index: int) -> int:
        """Change the cell to a new mark; returns that."""
        mark = MARK | randbits(63)
        self._change(index, lambda _: mark)
        return mark

    def settle(self, index: int, number: int, mark: int = 0) -> bool:
        """Take over a number that the fleet's store has given; returns whether the cell has changed.

        It replaces `mark`, for which it was given, and a lower number. Another mark stays: the store will give that a
        number of its own.

        Raises:
            IndexError: there is no such cell.
        """
        if self._cells[index] == number:
            return False

        def settled(now: int) -> int:
            return number if now == mark or now < number < MARK else now

        before, after = self._change(index, settled)
        return before != after

    def numbers(self) -> "array[int]":
        """Those of all cells, marks among them: 40 µs."""
        return array("Q", self._cells.tobytes())

    def marked(self) -> list[tuple[int, int]]:
        """The cells that hold a mark, with it: 8 µs where there is none."""
        first_bytes = self._cells.tobytes()[_HIGHEST::8]
        if first_bytes.isascii():  # no highest bit is set
            return []
        marked = ((cell, self._cells[cell]) for cell, byte in enumerate(first_bytes) if byte & 0x80)
        return [(cell, number) for cell, number in marked if number & MARK]

    def _change(self, index: int, to: Callable[[int], int]) -> tuple[int, int]:
        """Replace a number under its lock; the one before, and the one now."""
        if not 0 <= index < self._count:
            raise IndexError(f"generation {index}: the board has {self._count}, from 0")
        self._locks.acquire(self._first + index)
        try:
            before = self._cells[index]
            self._cells[index] = after = to(before)
        finally:
            self._locks.release()
        return before, after
