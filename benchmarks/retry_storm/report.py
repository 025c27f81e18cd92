"""What the runs found, whether it holds the floors, and its three forms: terminal, Markdown and JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.overload.report import Floor, floor_row, table, version_rows
from benchmarks.retry_storm.clients import RETRIES
from benchmarks.retry_storm.measure import OBJECTIVE, RECOVERY, Plan, Storm
from benchmarks.retry_storm.peers import OURS


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """All of one run."""

    date: str
    machine: Mapping[str, str]
    plan: Plan
    titles: Mapping[str, str]
    versions: Mapping[str, Mapping[str, str]]
    left_out: Mapping[str, str]
    storms: tuple[Storm, ...]

    @property
    def floors(self) -> tuple[Floor, ...]:
        """The floors, each by the worst of Stanchion's runs."""
        ours = [storm for storm in self.storms if storm.peer == OURS]
        recovered = [storm.recovered for storm in ours]
        late = None if None in recovered else max((one for one in recovered if one is not None), default=None)
        return (
            Floor(
                title="calls a user in the outage",
                value=max((storm.amplification for storm in ours), default=None),
                floor=1.1,
                goal=1.0,
                unit="x",
                at_most=True,
            ),
            Floor(
                title=f"answered in time from {RECOVERY:g} s after it",
                value=min((100 * storm.goodput for storm in ours), default=None),
                floor=95,
                goal=99,
                unit="%",
            ),
            Floor(title="95 % answered in time after", value=late, floor=5, goal=2, unit="s", at_most=True),
        )

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        floors = [{**asdict(floor), "verdict": floor.verdict} for floor in self.floors]
        return {"format": 1, **asdict(self), "floors": floors}


def markdown(report: Report) -> str:
    """The page that is committed beside the picture."""
    parts = ["# A retry storm", "\n".join(_setting(report)), "![calls and answers in time](retry-storm.svg)"]
    parts.append("## Floors\n\n" + table(("floor", "found", "floor at", "goal", "verdict"), _floors(report)))
    parts.append("## Through an outage\n\n" + table(_STORM, [_row(storm, report) for storm in report.storms]))
    parts.append("## What was measured\n\n" + table(("peer", "versions"), version_rows(report.titles, report.versions)))
    parts += [f"- left out: {report.titles.get(name, name)}: {why}" for name, why in report.left_out.items()]
    return "\n\n".join(parts) + "\n"


def terminal(report: Report) -> str:
    """A line a run, and the floors."""
    lines = ["  ".join(_row(storm, report)) for storm in report.storms]
    return "\n".join([*lines, *("  ".join(row) for row in _floors(report))])


_STORM = (
    *("peer", "the dependency", "`Retry-After` honoured", "calls a user", "requests to the API a user"),
    *(f"in time from {RECOVERY:g} s after", "95 % in time after"),
)


def _floors(report: Report) -> list[tuple[str, ...]]:
    return [floor_row(floor) for floor in report.floors]


def _setting(report: Report) -> list[str]:
    plan = report.plan
    lines = [f"- date: {report.date}", *(f"- {name}: {value}" for name, value in report.machine.items())]
    lines.append(f"- {plan.rate:g} users a second at random moments, each asks up to {RETRIES} times more if it fails")
    lines.append(f"- the dependency, 4 ms a call one after another, is killed for {plan.outage:g} s")
    lines.append(f"- in time is within {OBJECTIVE:g} s of when the user came, retries included")
    lines.append("- the API tries up to three times more as well, with 0.5 s an attempt")
    return lines


def _row(storm: Storm, report: Report) -> tuple[str, ...]:
    return (
        report.titles[storm.peer],
        "keeps silent" if storm.silent else "hangs up",
        "yes" if storm.honour else "no",
        f"{storm.amplification:.2f}",
        f"{storm.attempts:.2f}",
        f"{storm.goodput:.1%}",
        "never" if storm.recovered is None else f"{storm.recovered:g} s",
    )
