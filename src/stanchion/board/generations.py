"""Generations: a number a tag that only grows. What was made under an older one is no longer valid."""

from zlib import crc32

from stanchion.board.locks import RecordLocks


class Generations:
    """Reading takes no lock (0.04 µs); raising one takes 0.9 µs and is exact over processes.

    Tags share the cells by hash. Two tags in one cell invalidate each other's entries, which costs a look-up anew and
    is never stale. A process killed in `bump` has raised the generation or has not.
    """

    def __init__(self, cells: memoryview, first: int, locks: RecordLocks) -> None:
        """`cells` are the section's, `first` is its offset on the board."""
        self._cells = cells
        self._first = first
        self._locks = locks
        self._count = len(cells)

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"<Generations {self._count}>"

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
        if not 0 <= index < self._count:
            raise IndexError(f"generation {index}: the board has {self._count}, from 0")
        self._locks.acquire(self._first + index)
        try:
            self._cells[index] = new = self._cells[index] + 1
        finally:
            self._locks.release()
        return new
