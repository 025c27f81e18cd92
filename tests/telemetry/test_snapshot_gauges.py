"""Tallies that say what is now, not what has been."""

from stanchion.board import Board, Gauge
from stanchion.cluster.status import databases, snapshot
from stanchion.telemetry.tallies import DATABASE, DATABASE_POOL, DatabaseCell, DatabasePoolCell


def test_a_workers_connections_end_with_it_and_its_statements_do_not() -> None:
    board = Board.create(seats=2, series=16)
    try:
        counted = board.tally_base(board.tallies.intern(DATABASE, "main")) + DatabaseCell.STATEMENTS
        pool = board.tally_base(board.tallies.intern(DATABASE_POOL, "main"))
        for seat, (statements, open_ones, busy) in enumerate([(10, 4, 3), (5, 2, 1)]):
            cells = board.row(seat).cells
            cells[Gauge.PID], cells[counted] = 100 + seat, statements
            cells[pool + DatabasePoolCell.CONNECTIONS], cells[pool + DatabasePoolCell.IN_USE] = open_ones, busy

        def told() -> tuple[int, int, int]:
            main = databases(snapshot(board))["main"]
            return main["statements"], main["connections"], main["in_use"]

        assert told() == (15, 6, 4)
        board.retire(0)
        assert told() == (15, 2, 1)
        board.retire(1)
        assert told() == (15, 0, 0)
    finally:
        board.close()
