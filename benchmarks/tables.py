"""A report as plain tables of text, the one source of what the terminal and the Markdown file show."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.cases import IDLE_TITLE, LOADS, STARTUP_TITLE
from benchmarks.floors import OURS, TIMES
from benchmarks.results import Figure, Outcome, Report, paired_ratio, ratio

INVALID = "invalid"
NONE = "-"
FULL_CORE = 0.85
"""A server that used less of its core than this was not the limit itself, and the foot says so."""
LOAD_HEADER = (
    *("peer", "requests/s", "p50 ms", "p99 ms", "spread"),
    *("core used", "a core-second", "Stanchion is"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Rows of text under a header, the first column left-aligned. `ours` is the row to be marked, if any."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    ours: int | None = None


def build(report: Report) -> list[Table]:
    """A table for each case that was measured, and the floors."""
    tables = [_load_table(report, letter) for letter in LOADS if report.of_case(letter)]
    if report.idle:
        tables.append(_idle_table(report))
    if report.startup:
        tables.append(_startup_table(report))
    if report.floors:
        tables.append(_floor_table(report.floors))
    return tables


def foot(report: Report) -> list[str]:
    """What a reader of the figures must know besides: faults, peers left out, notes."""
    lines = [
        f"{report.titles[figure.peer]}, case ({case}), is {INVALID}: {fault}"
        for case, figure in report.every()
        for fault in figure.faults[:1]
    ]
    lines += _disturbed(report)
    lines += [f"{report.titles[peer]} was left out: {reason}" for peer, reason in report.left_out.items()]
    return [*lines, *report.notes]


def _disturbed(report: Report) -> list[str]:
    """A line for each case in which servers had less than their whole core, and so were not the limit."""
    lines = []
    for letter in LOADS:
        short = [figure for figure in report.of_case(letter) if figure.valid and figure.busy < FULL_CORE]
        if short:
            told = ", ".join(f"{report.titles[figure.peer]} {figure.busy:.0%}" for figure in short)
            lines.append(
                f"case ({letter}): these used less than {FULL_CORE:.0%} of their core, since wrk or other "
                f"programs were the limit; judge them by requests a core-second: {told}"
            )
    return lines


def times(value: float | None) -> str:
    """A ratio with three significant digits."""
    return amount(value, TIMES)


def amount(value: float | None, unit: str) -> str:
    """A measured number with its unit."""
    if value is None:
        return NONE
    small = value < 10
    if unit == TIMES:
        return f"{value:.2f}{unit}" if small else f"{value:.1f}{unit}"
    return f"{value:.1f}{unit}" if small else f"{value:.0f}{unit}"


def _ours(figures: Sequence[Figure]) -> Figure | None:
    return next((figure for figure in figures if figure.peer == OURS), None)


def _load_table(report: Report, letter: str) -> Table:
    figures = report.of_case(letter)
    ours = _ours(figures)
    header: tuple[str, ...] = LOAD_HEADER
    rows = [_load_row(report, figure, ours) for figure in figures]
    if letter == "c":
        header = (*header, "of its (a)")
        ones = {figure.peer: figure for figure in report.of_case("a")}
        shares = [_share(figure, ones.get(figure.peer)) for figure in figures]
        rows = [(*row, share) for row, share in zip(rows, shares, strict=True)]
    return Table(
        title=f"({letter}) {LOADS[letter].title}",
        header=header,
        rows=tuple(rows),
        ours=next((place for place, figure in enumerate(figures) if figure.peer == OURS), None),
    )


def _load_row(report: Report, figure: Figure, ours: Figure | None) -> tuple[str, ...]:
    title = report.titles[figure.peer]
    if not figure.valid:
        return (title, INVALID, *(NONE for _ in LOAD_HEADER[2:]))
    compared = ratio(ours.per_second, figure.per_second) if ours and ours.valid else None
    return (
        title,
        f"{figure.per_second:,.0f}",
        f"{figure.p50_ms:.2f}",
        f"{figure.p99_ms:.2f}",
        f"{figure.spread:.0%}",
        f"{figure.busy:.0%}",
        f"{figure.per_core_second:,.0f}",
        times(compared),
    )


def _share(many: Figure, one: Figure | None) -> str:
    if one is None or not (one.valid and many.valid):
        return NONE
    value = paired_ratio(many, one)
    return NONE if value is None else f"{value:.0%}"


def _idle_table(report: Report) -> Table:
    figures = sorted(report.idle, key=lambda figure: (not figure.valid, figure.kib_per_connection))
    rows = tuple(
        (
            report.titles[figure.peer],
            f"{figure.kib_per_connection:.1f}",
            f"{figure.p99_alone_ms:.2f}",
            f"{figure.p99_ms:.2f}",
        )
        if figure.valid
        else (report.titles[figure.peer], INVALID, NONE, NONE)
        for figure in figures
    )
    return Table(
        title=f"(e) {figures[0].connections:,} {IDLE_TITLE}",
        header=("peer", "KiB a connection", "p99 ms alone", "p99 ms beside them"),
        rows=rows,
        ours=next((place for place, figure in enumerate(figures) if figure.peer == OURS), None),
    )


def _startup_table(report: Report) -> Table:
    figures = sorted(report.startup, key=lambda figure: (not figure.valid, figure.first_answer_ms))
    rows = tuple(
        (report.titles[figure.peer], f"{figure.import_ms:.0f}", f"{figure.first_answer_ms:.0f}")
        if figure.valid
        else (report.titles[figure.peer], INVALID, NONE)
        for figure in figures
    )
    return Table(
        title=f"(f) {STARTUP_TITLE}",
        header=("peer", "import ms", "first answer ms"),
        rows=rows,
        ours=next((place for place, figure in enumerate(figures) if figure.peer == OURS), None),
    )


def _floor_table(floors: Sequence[Outcome]) -> Table:
    rows = tuple(
        (
            f"({outcome.case}) {outcome.title}",
            amount(outcome.value, outcome.unit),
            amount(outcome.floor, outcome.unit),
            amount(outcome.goal, outcome.unit),
            outcome.verdict,
        )
        for outcome in floors
    )
    return Table(title="Floors", header=("Stanchion", "measured", "floor", "goal", "verdict"), rows=rows)
