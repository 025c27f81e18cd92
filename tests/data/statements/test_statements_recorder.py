"""What is counted of statements, and how often a request asked each."""

import asyncio
import logging

import pytest

from stanchion.data.failures import ConstraintViolated, DatabaseBusy, DatabaseTimeout, DatabaseUnavailable
from stanchion.data.statements.asking import Asking
from stanchion.data.statements.recorder import MOST, Recorder
from stanchion.telemetry.tallies import DatabaseCell, StatementCell


def test_times_rows_and_waits_are_summed_by_statement_and_by_table() -> None:
    recorder = Recorder("main")
    for constant in (1, 2):
        recorder.ran(recorder.entry(f"SELECT a FROM t WHERE b = {constant}"), 3, 0.5, 0.25)
    recorder.ran(recorder.entry("SELECT c FROM t"), 1, 1.5, 0.0)
    slowest, other = recorder.entries()
    assert (slowest.text, slowest.calls, slowest.seconds, slowest.slowest) == ("SELECT c FROM t", 1, 1.5, 1.5)
    assert (other.text, other.calls, other.rows) == ("SELECT a FROM t WHERE b = ?", 2, 6)
    assert (other.seconds, other.waited, other.example) == (1.0, 0.5, "SELECT a FROM t WHERE b = 1")
    group = recorder.groups["select", "t"]
    assert (group[StatementCell.RAN], group[StatementCell.ROWS]) == (3, 7)
    assert (group[StatementCell.MICROSECONDS], group[StatementCell.WAITED]) == (2_500_000, 500_000)
    told = recorder.statistics()
    assert (told["distinct"], told["statements"], told["microseconds"], told["waited"]) == (2, 3, 2_500_000, 500_000)
    assert repr(recorder) == "<Recorder main: 2 statements, 3 run>"


@pytest.mark.parametrize(
    ("error", "cell"),
    [
        (DatabaseBusy(4), DatabaseCell.REFUSED),
        (DatabaseTimeout(), DatabaseCell.TIMED_OUT),
        (asyncio.CancelledError(), DatabaseCell.TIMED_OUT),
        (DatabaseUnavailable(), DatabaseCell.FAILED),
        (ValueError("no such column"), DatabaseCell.FAILED),
        (ConstraintViolated("a key"), None),
        (GeneratorExit(), None),
    ],
)
def test_failures_are_told_apart(error: BaseException, cell: DatabaseCell | None) -> None:
    recorder = Recorder("main")
    recorder.failed(recorder.entry("SELECT 1"), error, 0.0, 0.0)
    counted = (DatabaseCell.REFUSED, DatabaseCell.FAILED, DatabaseCell.TIMED_OUT)
    assert [recorder.counts[each] for each in counted] == [each == cell for each in counted]
    assert recorder.entries()[0].failed == (cell is not None)
    assert recorder.counts[DatabaseCell.STATEMENTS] == 1


def test_however_many_statements_there_are_memory_is_bounded() -> None:
    recorder = Recorder("main")
    for number in range(3 * MOST):
        recorder.ran(recorder.entry(f"SELECT a FROM t{number}"), 1, 0.001, 0.0)
    assert len(recorder.entries()) == MOST + 1
    assert recorder.entry("SELECT a FROM one_more").text == "(other)"
    assert sum(entry.calls for entry in recorder.entries()) == 3 * MOST
    assert len(recorder.groups) <= 25
    assert sum(group[StatementCell.RAN] for group in recorder.groups.values()) == 3 * MOST


def test_a_statement_that_a_request_repeats(caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder("main")
    recorder.repeats, recorder.warns = 3, True
    entry = recorder.entry("SELECT a FROM t WHERE b = $1")
    with caplog.at_level(logging.WARNING, "stanchion.data"):
        for times in (3, 4, 9):
            request = Asking("GET /items")
            for _ in range(times):
                request.alone(recorder, entry)
    assert (entry.repeated, entry.most) == (2, 9)
    assert entry.routes == entry.repeating == ["GET /items"]
    assert recorder.counts[DatabaseCell.REPEATED] == recorder.groups["select", "t"][StatementCell.REPEATED] == 2
    [line] = caplog.messages  # once a route
    assert line.startswith("GET /items has asked more than 3 times, one after the other: SELECT a FROM t WHERE b = $1;")


def test_what_is_gathered_into_one_batch_is_asked_once() -> None:
    recorder = Recorder("main")
    recorder.repeats = 2
    entry = recorder.entry("SELECT a FROM t WHERE b = $1")
    gathered = Asking("GET /items")
    for _ in range(50):
        gathered.gathered(recorder, entry, 7)
    assert entry.repeated == 0
    awaited = Asking("GET /items/{id}")
    for batches in range(5):
        awaited.gathered(recorder, entry, batches)
    assert (entry.repeated, entry.most) == (1, 5)
    assert (entry.routes, entry.repeating) == (["GET /items", "GET /items/{id}"], ["GET /items/{id}"])


def test_statements_that_are_not_told_apart_are_not_repeated() -> None:
    recorder = Recorder("main")
    recorder.repeats = 2
    request = Asking("GET /export")
    for number in range(5):
        request.alone(recorder, recorder.entry(f"INSERT INTO t VALUES {'(1, 2), ' * 5000} ({number}, 0)"))
    [entry] = recorder.entries()
    assert (entry.text, entry.repeated, recorder.counts[DatabaseCell.REPEATED]) == ("(other)", 0, 0)
