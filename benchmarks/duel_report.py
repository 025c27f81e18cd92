"""The medians and the verdicts of duels, for people and for the repository."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.duel import Duel, Figure, Verdict, judge, line

RESULTS = Path(__file__).with_name("results")


def report(work: Mapping[str, Duel], medians: Mapping[str, Mapping[str, Figure]]) -> bool:
    """Print the medians and the verdicts; True where a floor is missed."""
    missed = False
    for name, duel in work.items():
        print(f"\n{name}: {duel.case.title}, medians")
        for title, figure in medians[name].items():
            print(f"  {line(title, figure)}")
        for verdict, ratio in judge(duel, medians[name]):
            missed |= ratio < verdict.floor
            print(f"  {_sentence(verdict, ratio)}")
    return missed


def _sentence(verdict: Verdict, ratio: float) -> str:
    how = (
        "meets the goal"
        if ratio >= verdict.goal
        else "meets the floor"
        if ratio >= verdict.floor
        else "MISSES THE FLOOR"
    )
    what = "p99" if verdict.by == "p99_ms" else "requests"
    who = f"{verdict.ours} against {verdict.theirs}"
    return f"{who}, {what}: {ratio:.2f} (floor {verdict.floor:.2g}, goal {verdict.goal:.2g}): {how}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A whole run: what was measured, where, with which versions."""

    name: str
    """Of the files in `results/`."""
    title: str
    work: Mapping[str, Duel]
    medians: Mapping[str, Mapping[str, Figure]]
    machine: Mapping[str, str]
    versions: Mapping[str, Mapping[str, str]]


def write(run: Run) -> None:
    """Put a whole run into `results/`."""
    document = {
        "machine": dict(run.machine),
        "versions": {name: dict(each) for name, each in run.versions.items()},
        "found": {
            name: {title: asdict(figure) for title, figure in figures.items()} for name, figures in run.medians.items()
        },
    }
    (RESULTS / f"{run.name}.json").write_text(json.dumps(document, indent=1) + "\n")
    lines = [f"# {run.title}", "", ", ".join(f"{name}: {value}" for name, value in run.machine.items()), ""]
    for name, duel in run.work.items():
        lines += [f"## {name}: {duel.case.title}", ""]
        lines += ["| | requests/s | a processor second | p50 | p99 |", "| --- | ---: | ---: | ---: | ---: |"]
        for title, figure in run.medians[name].items():
            lines.append(
                f"| {title} | {figure.per_second:,.0f} | {figure.per_processor_second:,.0f} | {figure.p50_ms:.2f} ms"
                f" | {figure.p99_ms:.2f} ms |"
            )
        lines += ["", *(f"- {_sentence(verdict, ratio)}" for verdict, ratio in judge(duel, run.medians[name])), ""]
    (RESULTS / f"{run.name}.md").write_text("\n".join(lines))
