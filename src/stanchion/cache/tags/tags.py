"""A worker's tags: stamps for entries, whether they still hold, and what makes them invalid."""

from collections.abc import Callable, Iterable
from secrets import randbits
from typing import Protocol

from stanchion.board import Board
from stanchion.cache.tags.replica import Mark

Stamp = tuple[tuple[int, int], ...]
"""Cells of the board, and the number that each had."""


class FleetTags(Protocol):
    """What brings a machine's marks to the other machines, and theirs to it."""

    async def open(self) -> None:
        """Begin to follow the fleet; waits a moment for the first comparison, and no longer."""

    async def tell(self, marks: list[Mark]) -> bool:
        """Tell the fleet of marks, waiting for a bounded time; False where it is not known to have heard. They are on
        the board, and it will."""

    async def close(self) -> None:
        """End it."""

    def statistics(self) -> dict[str, int]:
        """Counts since the start."""


class Tags:
    """The board's generations as tags of entries."""

    valid: Callable[[Iterable[tuple[int, int]]], bool]
    """Whether a stamp still holds: 0.06 µs for one tag, so that it can be asked for every hit."""

    def __init__(self, board: Board, fleet: FleetTags | None = None) -> None:
        """Without a `fleet` tags are those of this machine."""
        self._generations = board.generations
        self._generations.begin(1 + randbits(49))
        self._fleet = fleet
        self._invalidated = 0
        self.valid = self._generations.same

    def __repr__(self) -> str:
        return f"<Tags in {len(self._generations)} cells, {self._fleet or 'of one machine'}>"

    def statistics(self) -> dict[str, int]:
        """Tags invalidated by this worker, and what the fleet's counts are."""
        fleet = {} if self._fleet is None else self._fleet.statistics()
        return {"invalidated": self._invalidated, **fleet}

    def stamp(self, tags: Iterable[str]) -> Stamp:
        """The numbers of these tags now: to be taken before the origin is asked, so that an invalidation while it
        answers makes the entry invalid."""
        generations = self._generations
        cells = sorted({generations.index(tag) for tag in tags})
        return tuple((cell, generations.get(cell)) for cell in cells)

    async def invalidate(self, *tags: str) -> bool | None:
        """Make all entries with any of these tags invalid: on this machine at once, in the fleet as soon as the store
        has heard, which is waited for, but for 50 ms at most. Returns whether it has; None without a fleet."""
        generations = self._generations
        cells = sorted({generations.index(tag) for tag in tags})
        self._invalidated += len(tags)
        if self._fleet is None:
            for cell in cells:
                generations.bump(cell)
            return None
        return not cells or await self._fleet.tell([(cell, generations.mark(cell)) for cell in cells])
