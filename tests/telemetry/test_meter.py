"""The meter: what is called is what the board's row has afterwards."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stanchion.board import Board, Counter, Gauge
from stanchion.board.layout import BLOCK, HISTOGRAM, MICROSECONDS, OTHER, OUTCOMES, UNMATCHED
from stanchion.telemetry import meter as meters
from stanchion.telemetry.decisions import Decisions
from stanchion.telemetry.histogram import bucket_of
from stanchion.telemetry.meter import Meter

Ends = list[tuple[int, int]]


@pytest.fixture
def board() -> Board:
    return Board.private(series=4)


def block(board: Board, base: int) -> list[int]:
    return board.row(0).cells[base : base + BLOCK].tolist()


def test_the_plain_offsets_are_those_of_the_board() -> None:
    short = {"TASKS_BEGUN": "BEGUN", "TASKS_ENDED": "ENDED"}
    shed = [cell for cell in Counter if cell.name.startswith("SHED_")]
    decided = {name.upper() for name in Decisions.__struct_fields__}
    assert shed == meters.SHED
    assert decided < {cell.name for cell in (*Gauge, *Counter)}
    for cell in (*Gauge, *Counter):
        if cell in shed or cell.name in decided:
            continue
        offset = getattr(meters, short.get(cell.name, cell.name))
        assert type(offset) is int
        assert offset == cell


def test_decisions_have_the_cells_of_their_names(board: Board) -> None:
    meter = Meter(board, 0)
    names = Decisions.__struct_fields__
    meter.decided(Decisions(*range(1, len(names) + 1)))
    for value, name in enumerate(names, start=1):
        cell = getattr(Counter, name.upper(), None) or Gauge[name.upper()]
        assert meter.cells[cell] == value


def test_a_request_is_counted(board: Board) -> None:
    meter = Meter(board, 0)
    base = meter.series("GET", "/")
    meter.begin()
    assert repr(meter) == "<Meter 1 tasks begun, 0 ended>"
    meter.finish()
    meter.end(base, 200, 1234)
    assert meter.statistics() == {"begun": 1, "ended": 1, "series": 1}
    counted = block(board, base)
    assert counted[:OUTCOMES] == [0, 0, 1, 0, 0, 0]
    assert counted[MICROSECONDS] == 1234
    assert sum(counted[HISTOGRAM:]) == counted[HISTOGRAM + bucket_of(1234)] == 1


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(0, 0), (100, 1), (101, 1), (200, 2), (299, 2), (304, 3), (404, 4), (499, 4), (500, 5), (599, 5), (999, 5)],
)
def test_a_status_counts_in_its_class(board: Board, status: int, outcome: int) -> None:
    meter = Meter(board, 0)
    base = meter.series("GET", "/")
    meter.end(base, status, 1)
    counted = block(board, base)
    assert counted[outcome] == sum(counted[:OUTCOMES]) == 1


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 999), st.one_of(st.integers(0, 5000), st.integers(0, 2**40)))))
def test_whatever_ends_is_counted_once(ends: Ends) -> None:
    board = Board.private(series=4)
    meter = Meter(board, 0)
    base = meter.series("GET", "/")
    for status, microseconds in ends:
        meter.end(base, status, microseconds)
    counted = block(board, base)
    assert sum(counted[:OUTCOMES]) == sum(counted[HISTOGRAM:]) == len(ends)
    assert counted[MICROSECONDS] == sum(microseconds for _, microseconds in ends)
    for bucket, count in enumerate(counted[HISTOGRAM:]):
        assert count == sum(bucket_of(microseconds) == bucket for _, microseconds in ends)
    assert not any(block(board, board.series_base(UNMATCHED)))


def test_two_meters_of_a_board_share_series_but_not_cells() -> None:
    board = Board.create(seats=2, series=4)
    one, two = Meter(board, 0), Meter(board, 1)
    base = one.series("GET", "/")
    assert two.series("GET", "/") == base
    one.end(base, 200, 10)
    two.end(base, 500, 20)
    assert board.totals().series[3][: MICROSECONDS + 1] == [0, 0, 1, 0, 0, 1, 30]
    board.close()


def test_routes_beyond_the_last_are_not_kept(board: Board) -> None:
    meter = Meter(board, 0)
    bases = {meter.series("GET", f"/{index}") for index in range(1000)}
    assert len(bases) == 5
    assert meter.other == board.series_base(OTHER)
    assert meter.other in bases
    assert meter.statistics()["series"] == 4


def test_the_table_of_buckets_is_the_function() -> None:
    assert [HISTOGRAM + bucket_of(microseconds) for microseconds in range(meters.SMALL)] == list(meters.BUCKET_OF)
