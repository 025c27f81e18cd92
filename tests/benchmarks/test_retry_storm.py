"""The retry storm: a short one through a real server, what is counted of it, and its report."""

import json
import sys

import pytest

from benchmarks.cores import Cores
from benchmarks.retry_storm import picture, report
from benchmarks.retry_storm.clients import Crowd
from benchmarks.retry_storm.measure import Plan, Storm, counted, storm
from benchmarks.retry_storm.peers import OURS, PEERS
from benchmarks.server import Launcher

PLAN = Plan(before=2, outage=2, after=6, rate=1)


def test_an_outage_is_not_multiplied_by_clients_that_try_again_and_is_over_when_it_is_over() -> None:
    launcher = Launcher(programs={"project": sys.executable}, core=None)
    plan = Plan(before=1, outage=2, after=7, rate=80)
    found = storm(launcher, Cores(server=None, load=None), PEERS[0], plan, honour=False, silent=False)
    assert found.attempts > 2.5  # the clients did try again
    assert found.amplification <= 1.1
    assert found.goodput >= 0.95
    assert found.recovered is not None
    assert found.recovered <= 5


def crowd() -> Crowd:
    """A user a second; those of the outage try four times and get nothing, the one after it waits for too long."""
    due = [100.5 + second for second in range(10)]
    good = [(at, 0.1) for at in due[:2] + due[5:]] + [(due[4], 1.5)]
    return Crowd(False, due=due, good=good, attempts=[at + 0.1 for at in due for _ in range(4)])


def found() -> Storm:
    calls = [100.5, 101.5, 102.5, 103.1, 103.2, 104.5, 99.0, 200.0]
    return counted(crowd(), calls, 100.0, PLAN, OURS, silent=False)


def test_calls_are_counted_by_the_second_they_come_in() -> None:
    one = found()
    assert [second.users for second in one.seconds] == [1] * 10
    assert [second.good for second in one.seconds] == [1, 1, 0, 0, 0, 1, 1, 1, 1, 1]
    assert [second.calls for second in one.seconds[:5]] == [1, 1, 1, 2, 1]
    assert (one.amplification, one.attempts) == (1.5, 4.0)
    assert (one.goodput, one.recovered) == (1.0, 1)


def test_who_is_never_served_again_has_not_recovered() -> None:
    silent = Crowd(False, due=[100.5 + second for second in range(10)])
    one = counted(silent, [], 100.0, PLAN, OURS, silent=True)
    assert (one.goodput, one.recovered) == (0.0, None)


@pytest.mark.parametrize(("storms", "verdicts"), [((), {"not measured"}), ((found(),), {"missed", "goal"})])
def test_a_report_has_every_form(storms: tuple[Storm, ...], verdicts: set[str]) -> None:
    made = report.Report(
        date="2026-01-01T00:00:00",
        machine={"CPU": "any"},
        plan=PLAN,
        titles={peer.name: peer.title for peer in PEERS},
        versions={OURS: {"stanchion": "0"}},
        left_out={"fastapi": "not there"},
        storms=storms,
    )
    assert {floor.verdict for floor in made.floors} == verdicts
    assert "left out: FastAPI, a loop of retries: not there" in report.markdown(made)
    assert picture.render(made).count("<polyline") == 2 * len(storms)
    assert "calls a user in the outage" in report.terminal(made)
    assert len(json.loads(json.dumps(made.as_json()))["storms"]) == len(storms)
