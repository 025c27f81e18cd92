"""What the sections of a board that take locks have in common."""

from stanchion.board.locks import RecordLocks


class Section:
    """Cells, each of which can be locked for a change that is one step over all processes."""

    def __init__(self, cells: memoryview, first: int, locks: RecordLocks) -> None:
        """`cells` are the section's, `first` is its offset on the board."""
        self._cells = cells
        self._first = first
        self._locks = locks
        self._count = len(cells)

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._count}>"
