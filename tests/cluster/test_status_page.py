"""What the status makes of the board's numbers."""

import pytest

from stanchion.board import Board
from stanchion.cluster.status import route, snapshot
from stanchion.telemetry.histogram import quantile
from stanchion.telemetry.meter import Meter


def recorded(*requests: tuple[int, int]) -> Board:
    """A board with requests of one route: status and microseconds."""
    board = Board.private()
    meter = Meter(board, 0)
    for status, microseconds in requests:
        meter.end(meter.series("GET", "/airports/{iata}"), status, microseconds)
    return board


def test_a_route_by_outcome_and_duration() -> None:
    board = recorded((200, 1000), (201, 3000), (404, 1000), (503, 1000), (0, 4000))
    (series,) = snapshot(board).series
    found = route(series)
    assert (found.method, found.route, found.requests, found.client_left) == ("GET", "/airports/{iata}", 5, 1)
    assert found.statuses == {"2xx": 2, "4xx": 1, "5xx": 1}
    assert found.mean == pytest.approx(0.002)
    assert found.p50 == (quantile(series.buckets, 0.5) or 0) / 1e6
    assert found.p50 == pytest.approx(0.001, rel=0.2)
    assert found.p99 == pytest.approx(0.004, rel=0.2)


def test_a_duration_beyond_all_buckets_is_not_told_as_a_short_one() -> None:
    (series,) = snapshot(recorded((200, 2**40))).series
    found = route(series)
    assert found.mean == pytest.approx(2**40 / 1e6)
    assert found.p99 is None or found.p99 >= 2**27 / 1e6
