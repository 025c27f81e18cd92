"""Prometheus' own reader and linter takes the page: `promtool check metrics` (Debian package `prometheus`)."""

import os
import shutil
import subprocess
import sys

import pytest
from hypothesis import given, settings

from stanchion.board import Board, Gauge
from stanchion.telemetry.exposition import render
from stanchion.telemetry.meter import Meter
from stanchion.telemetry.snapshot import Instant, Series, read
from tests.telemetry.pages import EXTRA, named_series, one_series, snapshot, worker

ODD = [
    "/",
    "/{id}",
    '/"quoted"',
    "/back\\slash",
    "/\\n",
    "/line\nfeed",
    "/é/日本/🛫",
    "/a b",
    "",
    "/\r\t\0",
    '\\"',
    "#",
]


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None and os.environ.get("CI"):
        pytest.fail("promtool is missing: apt-get install prometheus")
    if found is None:
        print("promtool is missing: the page of metrics is not checked; apt-get install prometheus", file=sys.stderr)
        pytest.skip("promtool is missing: apt-get install prometheus")
    return found


def check(promtool: str, page: bytes) -> None:
    done = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_page_with_nothing_to_tell(promtool: str) -> None:
    check(promtool, render(snapshot([]), EXTRA, openmetrics=False))


def test_a_page_with_odd_routes(promtool: str) -> None:
    series = [one_series(method, route) for method in ("GET", "PROPFIND") for route in ODD]
    workers = [worker(slot=0, loop_lag=1e-9), worker(slot=0, rss=2**50), worker(slot=11)]
    check(promtool, render(snapshot(series, workers, gc_pause_ns=1), EXTRA, openmetrics=False))


def test_a_page_from_a_board(promtool: str) -> None:
    board = Board.private()
    board.row(0).cells[Gauge.PID] = 1
    meter = Meter(board, 0)
    for microseconds in (0, 3, 127, 128, 5000, 2**26, 2**27, 2**50):
        for status in (0, 101, 200, 304, 404, 503):
            meter.end(meter.series("GET", "/airports/{iata}"), status, microseconds)
            meter.end(meter.series("", "(unmatched)"), status, microseconds)
    check(promtool, render(read(board, Instant(unix=1, monotonic=1)), EXTRA, openmetrics=False))


@settings(max_examples=20, deadline=None)
@given(series=named_series)
def test_pages_of_any_series(promtool: str, series: list[Series]) -> None:
    check(promtool, render(snapshot(series), EXTRA, openmetrics=False))


def test_a_page_that_is_wrong_is_noticed(promtool: str) -> None:
    page = render(snapshot([]), EXTRA, openmetrics=False)
    with pytest.raises(AssertionError):
        check(promtool, page + b'stanchion_x{route="/"y"} 1\n')
