"""The overload benchmark: its generator against a real server, and how floors are judged."""

import json

import pytest

from benchmarks.overload import measure, peers, picture, report
from benchmarks.overload.generator import Outcome, Run, Stream
from stanchion import App, HTTPError
from tests.wire.serving import Serving


def test_every_request_that_is_due_is_answered_once_or_told_otherwise() -> None:
    app = App("target")

    @app.get("/good")
    async def good() -> str:
        return "good"

    @app.get("/refused")
    async def refused() -> None:
        raise HTTPError("no", status=503)

    served = Serving("uvloop", app)
    run = Run(served.address[1], 20)
    streams = [Stream(path="/good", rate=300), Stream(path="/refused", rate=100, until=0.3)]
    good_ones, refused_ones = run.open_loop(streams, seconds=0.5, warm=0.1)
    assert good_ones.due == len(good_ones.accepted) > 50
    assert refused_ones.due == len(refused_ones.refused) > 2
    assert (good_ones.broken, good_ones.unanswered, refused_ones.unanswered) == (0, 0, 0)
    assert all(due < 0.3 for due, _ in refused_ones.fates(0.5))
    assert run.closed_loop("/good", seconds=0.2) > 10
    run.close()
    assert served.stop() == []


def outcome() -> Outcome:
    return Outcome(due=5, accepted=[0.1, 0.2, 0.6], refused=[0.01], answered=[(1.0, 0.1), (2.0, 0.6), (3.0, None)])


def test_in_time_is_within_the_objective_of_when_it_was_due() -> None:
    found = outcome()
    assert (found.in_time(0.5), found.unanswered) == (2, 1)
    assert found.fates(0.5) == [(1.0, True), (2.0, False), (3.0, False)]
    told = measure.point(found, 2, 1.0, 0.03)
    assert (told.in_time, told.refused, told.refused_p99_ms) == (2, 1, None)


@pytest.mark.parametrize(
    ("value", "at_most", "verdict"),
    [
        (96, False, "goal"),
        (90, False, "floor"),
        (80, False, "missed"),
        (None, False, "not measured"),
        (40, True, "missed"),
    ],
)
def test_a_floor_is_judged(value: float | None, at_most: bool, verdict: str) -> None:
    bounds = {"floor": 20, "goal": 10} if at_most else {"floor": 85, "goal": 95}
    assert report.Floor(title="", value=value, unit="%", at_most=at_most, **bounds).verdict == verdict


@pytest.mark.parametrize("handler", peers.PATHS)
def test_a_report_has_every_form(handler: str) -> None:
    points = tuple(measure.point(outcome(), multiple, 1.0, 0.0) for multiple in (1, 10))
    found = report.Report(
        date="2026-01-01T00:00:00",
        machine={"CPU": "any"},
        seconds=1.0,
        warm=0.0,
        connections=1,
        handler=handler,
        titles={"stanchion": "Stanchion", "other": "Other"},
        versions={"stanchion": {"stanchion": "0"}},
        left_out={"other": "not there"},
        curves=(measure.Curve(peer="stanchion", capacity=2.0, disturbed=0.0, points=points),),
        classes=None,
        recovery=None,
    )
    assert "| in time at 10 x, of capacity | 100.0 % |" in report.markdown(found)
    assert f"]({found.stem}.svg)" in report.markdown(found)
    assert ("waits for 5 ms" in picture.render(found)) == (handler == "task")
    assert "left out: Other: not there" in report.markdown(found)
    assert picture.render(found).count("<polyline") == 1
    assert "Stanchion" in report.terminal(found)
    assert json.loads(json.dumps(found.as_json()))["floors"][0]["verdict"] == "goal"
