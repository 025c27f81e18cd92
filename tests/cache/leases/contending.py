"""A process of the tests of leases: `python -m tests.cache.leases.contending BOARD TIMES`.

Takes one lease as often as it gets it, out of TIMES attempts, and tells how often that was. While it holds it a cell of
the board says that somebody is inside; it fails where somebody is already.
"""

import os
import sys
import time

from stanchion.board import Board
from stanchion.cache.leases.cells import LeaseCells, Outcome

KEY = 12_345
INSIDE = 65_535
"""A cell beyond the last set of leases."""


def main(descriptor: int, times: int) -> int:
    board = Board.attach(descriptor)
    cells = LeaseCells(board.exact)
    taken = 0
    for turn in range(times):
        holder = os.getpid() << 32 | turn + 1
        if cells.take(KEY, holder, time.monotonic_ns()) is not Outcome.TAKEN:
            time.sleep(0)
            continue
        taken += 1
        with board.exact.locked(INSIDE) as inside:
            assert inside[INSIDE] == 0, f"{inside[INSIDE]} is inside as well"
            inside[INSIDE] = os.getpid()
        time.sleep(0)
        assert cells.renew(KEY, holder, time.monotonic_ns())
        with board.exact.locked(INSIDE) as inside:
            assert inside[INSIDE] == os.getpid()
            inside[INSIDE] = 0
        cells.release(KEY, holder, time.monotonic_ns(), True)
    return taken


if __name__ == "__main__":
    print(main(int(sys.argv[1]), int(sys.argv[2])))
