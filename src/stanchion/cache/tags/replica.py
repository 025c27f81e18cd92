"""A board as one of the copies of the fleet's numbers: what it takes over, and what it has to tell. No I/O."""

from array import array
from collections.abc import Iterable, Iterator

from stanchion.board.generations import MARK, Generations

OWN = 1 << 50
"""Numbers below are a board's own, drawn when it began. Those of a store are microseconds since 1970, and above."""

_BLOCK = 256
"""Cells."""

Mark = tuple[int, int]
"""A cell and the mark it holds."""
Change = tuple[int, int, int]
"""A cell, the number that the store has given to it, and the mark that it was given for, or 0."""


class Replica:
    """The numbers of one board; several workers may each have a replica of the same."""

    def __init__(self, generations: Generations) -> None:
        self._generations = generations
        self.latest = 0
        """The highest number that was heard of: the store gives none below, should its clock go back."""

    def __repr__(self) -> str:
        return f"<Replica of {len(self._generations)}, {len(self.marked())} marked>"

    def marked(self) -> list[Mark]:
        """What the fleet has to be told, whoever has marked it."""
        return self._generations.marked()

    def settle(self, changes: Iterable[Change]) -> bool:
        """Take over what the store has told; True where a cell keeps a mark of which it was not told.

        What is stamped with that mark may have been invalidated by this change. It is until the mark is told: at once,
        then, and not only when somebody looks for marks.
        """
        left = False
        for cell, number, mark in changes:
            self.latest = max(self.latest, number)
            self._generations.settle(cell, number, mark)
            left = left or self._generations.get(cell) >= MARK
        return left

    def compare(self, numbers: "array[int]") -> tuple[int, bool]:
        """Take over the store's whole table: how many cells have changed, and whether the board knows of numbers that
        the store does not, since it has lost them."""
        changed, ahead = 0, False
        here = self._generations.numbers()
        for cell in _differing(here, numbers):
            if here[cell] < numbers[cell]:
                changed += self._generations.settle(cell, numbers[cell])
            elif here[cell] < MARK:
                ahead = True
        self.latest = max(self.latest, max(numbers))
        return changed, ahead

    def known(self) -> list[int]:
        """The numbers of the store that the board has: 0 for a cell that has a mark, or a number of its own."""
        return [number if OWN <= number < MARK else 0 for number in self._generations.numbers()]


def _differing(one: "array[int]", other: "array[int]") -> Iterator[int]:
    """Where two tables of one length differ: mostly nowhere, which is found out a block at a time."""
    for start in range(0, len(one), _BLOCK):
        block, twin = one[start : start + _BLOCK], other[start : start + _BLOCK]
        if block != twin:
            yield from (start + at for at, (here, there) in enumerate(zip(block, twin, strict=True)) if here != there)
