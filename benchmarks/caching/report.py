"""The medians and the verdicts, for people and for the repository."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from benchmarks.duel import Duel, Figure, Verdict, judge, line

RESULTS = Path(__file__).parent.with_name("results")


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


def write(
    work: Mapping[str, Duel],
    medians: Mapping[str, Mapping[str, Figure]],
    machine: Mapping[str, str],
    versions: Mapping[str, Mapping[str, str]],
) -> None:
    """Put a whole run into `results/`."""
    found = {name: {title: asdict(figure) for title, figure in figures.items()} for name, figures in medians.items()}
    document = {
        "machine": dict(machine),
        "versions": {name: dict(each) for name, each in versions.items()},
        "found": found,
    }
    (RESULTS / "caching.json").write_text(json.dumps(document, indent=1) + "\n")
    lines = ["# Cached and proxied responses", "", ", ".join(f"{name}: {value}" for name, value in machine.items()), ""]
    for name, duel in work.items():
        lines += [f"## {name}: {duel.case.title}", ""]
        lines += ["| | requests/s | a processor second | p50 | p99 |", "| --- | ---: | ---: | ---: | ---: |"]
        for title, figure in medians[name].items():
            lines.append(
                f"| {title} | {figure.per_second:,.0f} | {figure.per_processor_second:,.0f} | {figure.p50_ms:.2f} ms"
                f" | {figure.p99_ms:.2f} ms |"
            )
        lines += ["", *(f"- {_sentence(verdict, ratio)}" for verdict, ratio in judge(duel, medians[name])), ""]
    (RESULTS / "caching.md").write_text("\n".join(lines))
