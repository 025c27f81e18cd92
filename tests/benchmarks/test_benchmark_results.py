"""Medians, ratios and floors, from made-up measures."""

import pytest

from benchmarks.floors import (
    GOAL,
    MET,
    MISSED,
    UNKNOWN,
    Found,
    failed,
    judge,
)
from benchmarks.results import Figure, IdleFigure, Measure, StartFigure, figures, paired_ratio, ratio


def measures(peer: str, case: str, *runs: float, faults: tuple[str, ...] = ()) -> list[Measure]:
    return [
        Measure(peer=peer, case=case, round=number, per_second=run, p50_ms=1, p99_ms=number, faults=faults)
        for number, run in enumerate(runs, 1)
    ]


def one(peer: str, case: str, *runs: float, faults: tuple[str, ...] = ()) -> Figure:
    (figure,) = figures(measures(peer, case, *runs, faults=faults))
    return figure


def verdict(found: Found, case: str, title: str) -> str:
    (outcome,) = (outcome for outcome in judge(found, case) if outcome.title == title)
    return outcome.verdict


def test_a_figure_is_the_median_and_tells_its_spread() -> None:
    figure = one("fastify", "a", 90, 130, 100)

    assert figure.per_second == 100
    assert figure.p99_ms == 2
    assert figure.spread == pytest.approx(0.4)
    assert figure.runs == (90, 130, 100)


def test_figures_are_grouped_by_peer_and_case_whatever_the_order_of_the_rounds() -> None:
    mixed = [*measures("fastify", "a", 1, 2), *measures("express", "a", 3), *measures("fastify", "b", 4)]

    found = figures(reversed(mixed))

    assert {(figure.peer, figure.case): figure.runs for figure in found} == {
        ("fastify", "a"): (1, 2),
        ("express", "a"): (3,),
        ("fastify", "b"): (4,),
    }


def test_one_faulty_round_spoils_the_figure_and_says_which() -> None:
    good = measures("fastify", "a", 10, 11)
    bad = Measure(peer="fastify", case="a", round=3, per_second=99, faults=("3 read errors",))

    (figure,) = figures([*good, bad])

    assert not figure.valid
    assert figure.faults == ("round 3: 3 read errors",)


def test_a_ratio_with_nothing_to_divide_by_is_none() -> None:
    assert ratio(3, 2) == 1.5
    assert ratio(3, 0) is None


def test_a_paired_ratio_cancels_the_drift_between_rounds() -> None:
    many, single = one("stanchion", "c", 98, 49, 196), one("stanchion", "a", 100, 50, 200)

    assert paired_ratio(many, single) == pytest.approx(0.98)
    assert paired_ratio(many, one("stanchion", "a", 0, 0, 0)) is None


@pytest.mark.parametrize(("ours", "wanted"), [(84, MISSED), (85, MET), (109, MET), (110, GOAL)])
def test_a_ratio_is_met_from_its_floor_on(ours: float, wanted: str) -> None:
    found = Found(loads=[one("stanchion", "a", ours), one("fastify", "a", 100)])

    assert verdict(found, "a", "against Fastify") == wanted


@pytest.mark.parametrize(("kib", "wanted"), [(7.6, MISSED), (7.5, MET), (4.1, MET), (4.0, GOAL)])
def test_a_cost_is_met_up_to_its_floor(kib: float, wanted: str) -> None:
    found = Found(loads=[], idle=[IdleFigure(peer="stanchion", connections=10_000, kib_per_connection=kib)])

    assert verdict(found, "e", "memory a connection") == wanted


def test_start_times_are_judged_apart() -> None:
    found = Found(loads=[], startup=[StartFigure(peer="stanchion", import_ms=90, first_answer_ms=900)])

    assert verdict(found, "f", "import") == GOAL
    assert verdict(found, "f", "first answer") == MISSED


def test_the_best_python_framework_is_neither_stanchion_nor_bare_nor_node() -> None:
    rates = {"stanchion": 80, "uvicorn": 70, "fastify": 90, "falcon": 40, "fastapi": 15}
    found = Found(loads=[one(peer, "a", rate) for peer, rate in rates.items()])

    best = found.best_python("a")

    assert best is not None
    assert best.peer == "falcon"
    assert verdict(found, "a", "against the best other Python framework") == GOAL


def test_an_invalid_figure_is_not_measured_and_a_peer_that_is_missing_neither() -> None:
    invalid = one("fastify", "a", 1, faults=("1 read errors",))
    found = Found(loads=[one("stanchion", "a", 100), invalid])

    assert verdict(found, "a", "against Fastify") == UNKNOWN
    assert verdict(found, "a", "against nginx") == UNKNOWN


def test_check_fails_on_a_missed_floor_or_on_a_fault_of_our_own_but_not_on_a_missing_peer() -> None:
    met = judge(Found(loads=[one("stanchion", "b", 100), one("fastify", "b", 100)]), "b")
    missed = judge(Found(loads=[one("stanchion", "b", 10), one("fastify", "b", 100)]), "b")

    assert {outcome.verdict for outcome in met} == {MET, UNKNOWN}
    assert not failed(met, [])
    assert failed(met, ["b"])
    assert failed(missed, [])
