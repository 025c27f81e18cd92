"""The report as text, Markdown, JSON and picture: complete, well-formed, and safe with any text."""

import json
from xml.etree import ElementTree

import pytest

from benchmarks import markdown, svg, tables, terminal
from benchmarks.floors import TIMES, Found, judge
from benchmarks.results import IdleFigure, Measure, Report, StartFigure, figures

RATES = {"stanchion": 100_000.0, "fastify": 90_000.0, "fastapi": 13_500.0}


def report(*, faulty: str = "", title: str = "Fastify", busy: float = 0.99) -> Report:
    loads = figures(
        Measure(
            peer=peer,
            case=case,
            round=number,
            per_second=rate,
            p50_ms=0.6,
            p99_ms=1.5,
            busy=busy,
            faults=("2 read errors",) if peer == faulty else (),
        )
        for number in (1, 2, 3)
        for case in "abcd"
        for peer, rate in RATES.items()
    )
    idle = (IdleFigure(peer="stanchion", connections=10_000, kib_per_connection=3.5),)
    startup = (StartFigure(peer="stanchion", import_ms=90, first_answer_ms=280),)
    return Report(
        date="2025-11-23T13:47:15+00:00",
        machine={"CPU": "A & B <processor>", "kernel": "Linux"},
        settings={"rounds": 3, "connections": 64},
        titles={"stanchion": "Stanchion", "fastify": title, "fastapi": "FastAPI", "robyn": "Robyn"},
        versions={"fastify": {"fastify": "5.1.0", "node": "20.0.0"}},
        left_out={"robyn": "robyn could not be installed"},
        loads=loads,
        idle=idle,
        startup=startup,
        floors=judge(Found(loads=loads, idle=idle, startup=startup), "abcdef"),
        notes=("a note",),
    )


def test_the_picture_is_well_formed_whatever_the_texts_hold() -> None:
    picture = ElementTree.fromstring(svg.render(report(title="<Fast> & 'ify'"), bare=[]))

    texts = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert "<Fast> & 'ify'" in texts
    assert texts.count("100,000") == 2
    assert texts.count(f"7.41{TIMES}") == 2


def test_the_picture_marks_stanchion_and_draws_bars_in_proportion() -> None:
    picture = ElementTree.fromstring(svg.render(report(), bare=["fastify"]))

    widths: dict[str, list[float]] = {}
    for bar in picture.iter("{http://www.w3.org/2000/svg}rect"):
        widths.setdefault(bar.attrib["class"], []).append(float(bar.attrib["width"]))
    assert len(widths["ours"]) == 2
    assert widths["bare"][0] == pytest.approx(widths["ours"][0] * 0.9)


def test_the_picture_stays_well_formed_without_any_figure() -> None:
    found = report()
    empty = Report(**{**{name: getattr(found, name) for name in found.__slots__}, "loads": ()})

    assert ElementTree.fromstring(svg.render(empty, bare=[])) is not None


def test_an_invalid_figure_comes_last_shows_no_number_and_is_explained() -> None:
    found = report(faulty="fastify")
    table = tables.build(found)[0]

    assert table.rows[-1][:2] == ("Fastify", "invalid")
    assert "Fastify, case (a), is invalid: round 1: 2 read errors" in tables.foot(found)


def test_the_foot_names_who_was_left_out_and_why() -> None:
    assert tables.foot(report()) == ["Robyn was left out: robyn could not be installed", "a note"]


def test_a_server_that_was_not_the_limit_itself_is_told_of() -> None:
    lines = [line for line in tables.foot(report(busy=0.5)) if "of their core" in line]

    assert len(lines) == 4
    assert lines[0].endswith("Stanchion 50%, Fastify 50%, FastAPI 50%")
    assert tables.build(report(busy=0.5))[0].rows[1][5:7] == ("50%", "180,000")


def test_every_table_has_as_many_cells_as_its_header() -> None:
    for table in tables.build(report(faulty="stanchion")):
        assert {len(row) for row in table.rows} == {len(table.header)}


def test_colour_only_where_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert terminal.wants_colour(Terminal())  # type: ignore[arg-type]
    monkeypatch.setenv("NO_COLOR", "1")
    assert not terminal.wants_colour(Terminal())  # type: ignore[arg-type]
    assert "\x1b" not in terminal.render(report(), colour=False)
    assert "\x1b" in terminal.render(report(), colour=True)


def test_markdown_and_json_hold_the_figures_the_versions_and_the_machine() -> None:
    found = report()
    page = markdown.render(found)

    assert "| **Stanchion** | **100,000** |" in page
    assert "| Fastify | fastify 5.1.0, node 20.0.0 |" in page
    assert "A & B <processor>" in page
    assert json.loads(json.dumps(found.as_json()))["floors"][0]["verdict"]
