"""A snapshot: what it says of workers and of their requests at an instant that is given."""

from collections.abc import Iterator
from contextlib import closing

import msgspec
import pytest

from stanchion.board import Board, Counter, Gauge
from stanchion.telemetry.meter import Meter
from stanchion.telemetry.snapshot import Counters, Instant, read

SECOND = 10**9
NOW = Instant(unix=1_000_000 * SECOND, monotonic=5_000 * SECOND)


@pytest.fixture
def board() -> Iterator[Board]:
    with closing(Board.create(seats=3, series=8)) as board:
        yield board


def set_gauges(board: Board, seat: int, **values: int) -> None:
    for name, value in values.items():
        board.row(seat).cells[Gauge[name]] = value


def test_an_empty_board_has_no_workers_and_no_series(board: Board) -> None:
    snapshot = read(board, NOW)
    assert snapshot.workers == snapshot.series == []
    assert set(msgspec.structs.asdict(snapshot.counters).values()) == {0}


def test_counters_are_those_of_the_board_in_order() -> None:
    assert Counters.__struct_fields__ == tuple(counter.name.lower() for counter in Counter)


def test_a_worker_is_told_with_its_ages(board: Board) -> None:
    set_gauges(board, 1, PID=4711, SLOT=2, STATE=3, CONNECTIONS=12, RSS=1 << 20)
    set_gauges(board, 1, STARTED=NOW.unix - 90 * SECOND, BEAT=NOW.monotonic - SECOND // 2)
    meter = Meter(board, 1)
    for _ in range(3):
        meter.begin()
    meter.finish()
    meter.end(meter.series("GET", "/"), 200, 1500)
    meter.end(meter.series("GET", "/at-once"), 200, 15)
    (worker,) = read(board, NOW).workers
    assert (worker.seat, worker.slot, worker.pid, worker.state) == (1, 2, 4711, 3)
    assert (worker.requests, worker.in_flight) == (2, 2)
    assert (worker.connections, worker.rss) == (12, 1 << 20)
    assert (worker.age, worker.beat_age, worker.loop_lag) == (90.0, 0.5, 0.0)


@pytest.mark.parametrize(
    ("lag", "since_tick", "now"),
    [
        (0, 0.9, 0.0),  # the next tick is not due yet
        (0.2, 0.9, 0.2),  # the last one was late
        (0.2, 1.1, 0.2),  # the next one is a little overdue
        (0.2, 8.0, 7.0),  # the loop is stuck
    ],
)
def test_the_lag_is_the_last_or_what_is_overdue(board: Board, lag: float, since_tick: float, now: float) -> None:
    set_gauges(board, 0, PID=1, LOOP_LAG=int(lag * SECOND), LOOP_TICK=NOW.monotonic - int(since_tick * SECOND))
    assert read(board, NOW).workers[0].loop_lag == pytest.approx(now)
    assert read(board, NOW, interval=0.25).workers[0].loop_lag == pytest.approx(max(lag, since_tick - 0.25))


def test_what_has_not_happened_or_just_now_has_no_age(board: Board) -> None:
    set_gauges(board, 0, PID=1)
    set_gauges(board, 1, PID=2, STARTED=NOW.unix + 5, BEAT=NOW.monotonic + 5, LOOP_TICK=NOW.monotonic + 5)
    for worker in read(board, NOW).workers:
        assert worker.age == worker.beat_age == worker.loop_lag == 0.0


def test_a_request_that_ended_while_reading_makes_nothing_negative(board: Board) -> None:
    set_gauges(board, 0, PID=1)
    board.row(0).cells[Counter.TASKS_ENDED] = 1
    assert read(board, NOW).workers[0].in_flight == 0


def test_series_are_summed_over_workers_living_and_dead(board: Board) -> None:
    for seat, status in enumerate((200, 404, 0)):
        meter = Meter(board, seat)
        meter.begin()
        meter.finish()
        meter.end(meter.series("GET", "/{id}"), status, 1000)
    meter.series("GET", "/never-asked-for")
    board.retire(0)
    snapshot = read(board, NOW)
    (series,) = snapshot.series
    assert (series.method, series.route) == ("GET", "/{id}")
    assert series.outcomes == [1, 0, 1, 0, 1, 0]
    assert series.microseconds == 3000
    assert sum(series.buckets) == 3
    assert snapshot.counters.tasks_begun == snapshot.counters.tasks_ended == 3


def test_a_snapshot_is_plain_data(board: Board) -> None:
    set_gauges(board, 0, PID=1)
    snapshot = read(board, NOW)
    assert msgspec.json.decode(msgspec.json.encode(snapshot), type=type(snapshot)) == snapshot
