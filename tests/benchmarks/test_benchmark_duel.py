"""Duels: medians, verdicts, and the command line of a campaign."""

from collections.abc import Mapping
from contextlib import ExitStack

import pytest

from benchmarks.campaign import Campaign, run
from benchmarks.cases import Case
from benchmarks.duel import Duel, Figure, Verdict, judge, middle
from benchmarks.duel_report import report
from benchmarks.server import Launcher

CASE = Case(letter="z", title="nothing", path="/")


def figure(rate: float, p99_ms: float = 1.0) -> Figure:
    return Figure(per_second=rate / 2, per_processor_second=rate, p50_ms=0.5, p99_ms=p99_ms)


def duel(*verdicts: Verdict) -> Duel:
    return Duel(case=CASE, body=None, contenders=(), verdicts=verdicts)


def test_the_median_of_each_field() -> None:
    assert middle([figure(1000, 9.0), figure(9000, 1.0), figure(2000, 2.0)]) == figure(2000, 2.0)


@pytest.mark.parametrize(("rate", "how"), [(4999, "MISSES THE FLOOR"), (5000, "meets the floor"), (9e4, "the goal")])
def test_a_verdict_is_by_processor_time(rate: float, how: str, capsys: pytest.CaptureFixture[str]) -> None:
    work = {"limit": duel(Verdict(ours="we", theirs="they", floor=5, goal=10))}
    missed = report(work, {"limit": {"we": figure(rate), "they": figure(1000)}})
    assert missed == (rate < 5000)
    assert how in capsys.readouterr().out


def test_a_verdict_may_be_by_latency() -> None:
    verdict = Verdict(ours="fresh", theirs="stale", floor=0.5, goal=1, by="p99_ms")
    [(_, ratio)] = judge(duel(verdict), {"fresh": figure(1, 2.0), "stale": figure(1, 3.0)})
    assert ratio == pytest.approx(2 / 3)


def test_an_unknown_name_is_told_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    def begin(stack: ExitStack, beside: Launcher) -> Mapping[str, Duel]:
        raise AssertionError("it began")

    campaign = Campaign(name="none", title="None", about=None, plan={"one": duel(), "two": duel()}, begin=begin)
    with pytest.raises(SystemExit) as ended:
        run(campaign, ["--only", "one,three"])
    assert ended.value.code == 2
    assert "--only three: expected some of one, two" in capsys.readouterr().err
