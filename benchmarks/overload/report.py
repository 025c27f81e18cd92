"""What a run found, whether it holds the floors, and its three forms: terminal, Markdown and JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.overload.measure import OBJECTIVE, Classes, Curve, Point, Recovery
from benchmarks.overload.peers import OURS

_TOP = 10.0
"""The multiple at which the floors are judged."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Floor:
    """One floor: what it is about, what was found, what is the least or the most, and what is aimed at."""

    title: str
    value: float | None
    floor: float
    goal: float
    unit: str
    at_most: bool = False

    @property
    def verdict(self) -> str:
        """`goal`, `floor`, `missed`, or `not measured`."""
        if self.value is None:
            return "not measured"
        sign = -1 if self.at_most else 1
        if sign * self.value >= sign * self.goal:
            return "goal"
        return "floor" if sign * self.value >= sign * self.floor else "missed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """All of one run."""

    date: str
    machine: Mapping[str, str]
    seconds: float
    warm: float
    """Seconds before them that do not count."""
    connections: int
    handler: str
    """The kind: `inline` or `task`."""
    titles: Mapping[str, str]
    versions: Mapping[str, Mapping[str, str]]
    left_out: Mapping[str, str]
    curves: tuple[Curve, ...]
    classes: Classes | None
    recovery: Recovery | None

    @property
    def floors(self) -> tuple[Floor, ...]:
        """The floors, as far as they were measured."""
        ours = next((curve for curve in self.curves if curve.peer == OURS), None)
        top = next((point for point in ours.points if point.multiple == _TOP), None) if ours else None
        share = 100 * top.in_time / ours.capacity if ours and top else None
        critical = 100 * self.classes.critical_in_time if self.classes else None
        recovered = self.recovery.seconds if self.recovery else None
        return (
            Floor(title="in time at 10 x, of capacity", value=share, floor=85, goal=95, unit="%"),
            Floor(
                title="p99 of admitted",
                value=top.accepted_p99_ms if top else None,
                floor=500,
                goal=200,
                unit="ms",
                at_most=True,
            ),
            Floor(
                title="p99 of refusals",
                value=top.refused_p99_ms if top else None,
                floor=250,
                goal=50,
                unit="ms",
                at_most=True,
            ),
            Floor(title="critical beside 10 x background", value=critical, floor=99, goal=99.9, unit="%"),
            Floor(title="recovery", value=recovered, floor=5, goal=1, unit="s", at_most=True),
        )

    @property
    def stem(self) -> str:
        """Of the names of the files it is written to."""
        return "overload" if self.handler == "inline" else f"overload-{self.handler}"

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        floors = [{**asdict(floor), "verdict": floor.verdict} for floor in self.floors]
        return {"format": 1, **asdict(self), "floors": floors}


def markdown(report: Report) -> str:
    """The page that is committed beside the picture."""
    title = "# Under overload" if report.handler == "inline" else "# Under overload, with handlers that wait first"
    parts = [title, "\n".join(_setting(report)), f"![answers in time]({report.stem}.svg)"]
    parts.append("## Floors\n\n" + table(_FLOORS, [floor_row(floor) for floor in report.floors]))
    for curve in report.curves:
        title = f"## {report.titles[curve.peer]}: {curve.capacity:.0f} requests/s at most"
        parts.append(f"{title}\n\n" + table(_POINTS, [_point(point) for point in curve.points]))
    if report.classes is not None:
        rows = [("critical", *_point(report.classes.critical)), ("background", *_point(report.classes.background))]
        parts.append("## Two classes at once\n\n" + table(("class", *_POINTS), rows))
    parts.append("## What was measured\n\n" + table(("peer", "versions"), version_rows(report.titles, report.versions)))
    parts += [f"- left out: {report.titles.get(name, name)}: {why}" for name, why in report.left_out.items()]
    return "\n\n".join(parts) + "\n"


def terminal(report: Report) -> str:
    """The floors and, for each peer, what it answered in time at each multiple."""
    lines = []
    for curve in report.curves:
        told = "  ".join(f"{point.multiple:g}x: {point.in_time:.0f}" for point in curve.points)
        lines.append(f"{report.titles[curve.peer]:26} capacity {curve.capacity:.0f}/s; in time {told}")
    lines += ["  ".join(floor_row(floor)) for floor in report.floors]
    return "\n".join(lines)


_FLOORS = ("floor", "found", "floor at", "goal", "verdict")
_POINTS = (
    *("load", "offered/s", f"in time ({OBJECTIVE * 1000:.0f} ms)/s", "refused/s", "p50 of 2xx", "p99 of 2xx"),
    *("p99 of refusals", "broken", "unanswered", "core lost to others"),
)


def _setting(report: Report) -> list[str]:
    lines = [f"- date: {report.date}", *(f"- {name}: {value}" for name, value in report.machine.items())]
    lines.append(
        f"- {report.seconds:g} s a point after {report.warm:g} s of warm-up, at most {report.connections} connections"
    )
    first = "waits for 5 ms, then " if report.handler == "task" else ""
    lines.append(f"- each request {first}holds the processor for 2 ms; one core serves, another makes the load")
    lines.append("- open loop: requests are due at random moments, and latencies count from when they were due")
    return lines


def _point(point: Point) -> tuple[str, ...]:
    latencies = (point.accepted_p50_ms, point.accepted_p99_ms, point.refused_p99_ms)
    rates = (point.offered, point.in_time, point.refused)
    return (
        f"{point.multiple:g} x",
        *(f"{rate:,.0f}" for rate in rates),
        *("-" if one is None else f"{one:,.0f} ms" for one in latencies),
        f"{point.broken:,}",
        f"{point.unanswered:,}",
        f"{point.disturbed:.0%}",
    )


def floor_row(floor: Floor) -> tuple[str, ...]:
    """A floor as a row of a table."""
    found = "-" if floor.value is None else f"{floor.value:.1f} {floor.unit}"
    return (floor.title, found, f"{floor.floor:g} {floor.unit}", f"{floor.goal:g} {floor.unit}", floor.verdict)


def version_rows(titles: Mapping[str, str], versions: Mapping[str, Mapping[str, str]]) -> list[tuple[str, ...]]:
    """What each peer was made of, as rows of a table."""
    return [
        (titles[peer], ", ".join(f"{name} {version}" for name, version in packages.items()))
        for peer, packages in versions.items()
    ]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """In Markdown."""
    lines = [header, ("---", *("---:" for _ in header[1:])), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
