"""The board: memory shared by the processes of a cluster, mapped by each.

Law: it holds cells of 64 bits and knows neither HTTP nor clocks nor what a number means to others. A row has one
writer, so that counting needs no lock; a reader sums the rows. What must be exact over processes is changed under a
kernel record lock, which the kernel releases when its holder dies. A process may be killed between any two
instructions, and what it leaves is a board that every other process can go on with.
"""

from stanchion.board.board import Board, Row
from stanchion.board.layout import Counter, Gauge

__all__ = ["Board", "Counter", "Gauge", "Row"]
