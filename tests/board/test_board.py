"""Rows, totals and the board's life, within one process."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stanchion.board import Board, Counter, Gauge
from stanchion.board.layout import BLOCK, CELL, series_base


@pytest.fixture
def board() -> Iterator[Board]:
    with closing(Board.create(seats=3, series=4)) as board:
        yield board


def test_rows_are_apart(board: Board) -> None:
    for seat in range(3):
        board.row(seat).cells[Counter.SENT] += seat + 1
    assert [board.row(seat).cells[Counter.SENT] for seat in range(3)] == [1, 2, 3]
    assert len(board.row(0).cells) == series_base(7)
    with pytest.raises(IndexError, match="seat 3: the board has 3"):
        board.row(3)
    with pytest.raises(IndexError, match="seat -1"):
        board.retire(-1)


def test_a_row_is_seen_through_another_attachment(board: Board) -> None:
    other = Board.attach(board.descriptor)
    other.row(1).cells[Gauge.CONNECTIONS] = 12
    assert board.row(1).cells[Gauge.CONNECTIONS] == 12


def test_totals_are_the_sum_of_all_rows(board: Board) -> None:
    base = board.series_base(board.series.intern("GET", "/"))
    for seat in range(3):
        cells = board.row(seat).cells
        cells[Counter.ACCEPTED] = 10 + seat
        cells[base + 2] = 5
        cells[base + BLOCK - 1] = 1
    totals = board.totals()
    assert totals.counters == [0, 0, 33] + [0] * (len(Counter) - 3)
    assert totals.series[3] == [0, 0, 15] + [0] * (BLOCK - 4) + [3]
    assert len(totals.series) == 4


def test_a_retired_seat_is_free_and_its_counts_stay(board: Board) -> None:
    base = board.series_base(board.series.intern("GET", "/"))
    cells = board.row(1).cells
    cells[Gauge.PID], cells[Counter.SENT], cells[base + 2] = 4711, 512, 3
    before = board.totals()
    board.retire(1)
    assert not any(cells)
    assert board.totals() == before
    cells[Counter.SENT] = 8
    assert board.totals().counters[Counter.SENT - Counter.TASKS_BEGUN] == 520
    board.retire(1)
    board.retire(1)
    assert board.totals().counters[Counter.SENT - Counter.TASKS_BEGUN] == 520


Counts = list[tuple[int, int, int]]
steps = st.lists(st.one_of(st.tuples(st.integers(0, 2), st.integers(0, 120), st.integers(0, 2**40)), st.integers(0, 2)))


@settings(deadline=None)
@given(steps)
def test_whatever_is_counted_and_retired_nothing_is_lost(steps: list[tuple[int, int, int] | int]) -> None:
    with closing(Board.create(seats=3, series=4)) as board:
        cells = [series_base(0) + offset for offset in range(BLOCK)] + [*map(int, Counter)]
        counted = dict.fromkeys(cells, 0)
        for step in steps:
            if isinstance(step, int):
                board.retire(step)
            else:
                seat, where, amount = step
                board.row(seat).cells[cells[where]] += amount
                board.row(seat).cells[series_base(0) + 2] += 1  # a block counts from its first outcome on
                counted[cells[where]] += amount
                counted[series_base(0) + 2] += 1
        totals = board.totals()
        assert [*totals.series[0], *totals.counters] == list(counted.values())


def test_a_board_tells_what_it_holds(board: Board) -> None:
    assert repr(board) == f"<Board 0 of 3 seats taken, 3 of 7 series, descriptor {board.descriptor}>"
    board.row(2).cells[Gauge.PID] = 1
    statistics = board.statistics()
    assert statistics == {"seats": 3, "taken": 1, "series": 3, "bytes": statistics["bytes"]}
    assert statistics["bytes"] % CELL == 0


def test_a_private_board_has_one_seat_and_no_descriptor() -> None:
    board = Board.private()
    assert repr(board) == "<Board 0 of 1 seats taken, 3 of 67 series, private>"
    board.row(0).cells[Counter.SENT] += 1
    assert board.totals().counters[Counter.SENT - Counter.TASKS_BEGUN] == 1
    with pytest.raises(ValueError, match=r"Board\.create"):
        _ = board.descriptor


def test_a_closed_board_refuses_rather_than_crashes() -> None:
    board = Board.create(seats=1, series=4)
    row, sliced = board.row(0), board.row(0).cells[:8]
    board.close()
    assert repr(board) == "<Board closed>"
    with pytest.raises(ValueError, match="released"):
        row.cells[0] = 1
    assert sliced[0] == 0  # what somebody sliced keeps the memory
    board.close()
