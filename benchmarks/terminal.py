"""The report on a terminal: aligned columns; Stanchion's rows and the verdicts in colour where wanted."""

import os
from collections.abc import Iterable
from typing import TextIO

from benchmarks import tables
from benchmarks.floors import GOAL, MET, MISSED
from benchmarks.results import Report
from benchmarks.tables import Table

_RESET, _BOLD, _DIM = "\x1b[0m", "\x1b[1m", "\x1b[2m"
_RED, _GREEN, _YELLOW, _CYAN = "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[36m"
_VERDICTS = {GOAL: _GREEN, MET: _YELLOW, MISSED: _RED}


def wants_colour(stream: TextIO) -> bool:
    """Colour only on a terminal, and never against NO_COLOR (no-color.org: any value that is not empty)."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


def render(report: Report, *, colour: bool) -> str:
    """The whole report as text."""
    parts = [_table(table, colour=colour) for table in tables.build(report)]
    parts.append("\n".join(_painted(line, _DIM, colour) for line in (_setting(report), *tables.foot(report))))
    return "\n\n".join(parts)


def _setting(report: Report) -> str:
    told = ", ".join(f"{name}: {value}" for name, value in report.machine.items())
    run = ", ".join(f"{value} {name}" for name, value in report.settings.items())
    return f"{report.date}, {told}; {run}"


def _table(table: Table, *, colour: bool) -> str:
    widths = [max(map(len, column)) for column in zip(table.header, *table.rows, strict=True)]
    lines = [
        _painted(table.title, _BOLD, colour),
        _painted(_line(table.header, widths), _DIM, colour),
    ]
    for place, row in enumerate(table.rows):
        paint = _CYAN if place == table.ours else _VERDICTS.get(row[-1], "")
        lines.append(_painted(_line(row, widths), paint, colour))
    return "\n".join(lines)


def _line(cells: Iterable[str], widths: list[int]) -> str:
    first, *others = (
        cell.ljust(width) if place == 0 else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join(("", first, *others))


def _painted(text: str, paint: str, colour: bool) -> str:
    return f"{paint}{text}{_RESET}" if colour and paint else text
