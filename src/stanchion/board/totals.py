"""What all rows count together, and how a dead worker's row becomes part of it.

A total never goes back, so no reader may see a row both in its seat and in the totals, or in neither: retiring and
summing exclude each other by a lock. The rows' writers take no part in it.

Rejected: summing whole rows at once as large integers, cells being digits of base 2^64. It is several times as fast,
but copies memory bytewise, and a copy may see half of a store. `tolist` reads cell by cell.
"""

from collections.abc import Sequence
from operator import add

from msgspec import Struct

from stanchion.board.layout import BLOCK, CELL, FIRST_COUNTER, OUTCOMES, TALLY, Counter, series_base, tally_base

_COUNTERS = slice(FIRST_COUNTER, FIRST_COUNTER + len(Counter))


class Totals(Struct, frozen=True, kw_only=True):
    """The sum of all rows, those of retired seats among them."""

    counters: list[int]
    """By `Counter`, in its order."""
    series: list[list[int]]
    """A block of cells for each series that has a name, by index: outcomes, microseconds, buckets."""
    tallies: list[list[int]]
    """Eight cells for each tally that has a name, by index."""


def summed(rows: Sequence[memoryview], series: int, tallies: int) -> Totals:
    """Add up rows, of which the first `series` blocks and `tallies` are in use."""
    return Totals(
        counters=[sum(cells) for cells in zip(*(row[_COUNTERS].tolist() for row in rows), strict=True)],
        series=[_block(rows, series_base(index)) for index in range(series)],
        tallies=[_tally(rows, tally_base(index)) for index in range(tallies)],
    )


def _tally(rows: Sequence[memoryview], base: int) -> list[int]:
    return [sum(cells) for cells in zip(*(row[base : base + TALLY].tolist() for row in rows), strict=True)]


def _block(rows: Sequence[memoryview], base: int) -> list[int]:
    total = [0] * BLOCK
    for row in rows:
        if any(row[base : base + OUTCOMES].tolist()):
            total = list(map(add, total, row[base : base + BLOCK].tolist()))
    return total


def moved(row: memoryview, totals: memoryview, series: int) -> None:
    """Add a row's counters and its first `series` blocks to `totals`, and leave the row with nothing but zeros.

    Pages of series that nobody has named are not touched, so they take no memory.
    """
    first, used = series_base(0), series_base(series)
    for start in (FIRST_COUNTER, *range(first, used, BLOCK)):
        end = first if start < first else start + BLOCK
        for cell, value in enumerate(row[start:end].tolist(), start):
            if value:
                totals[cell] += value
    row[:used] = memoryview(bytes(used * CELL)).cast("Q")
