"""`python -m benchmarks.retry_storm`: an outage a run, of each peer and kind of client; judge Stanchion, report."""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

from benchmarks import cores, install, machine
from benchmarks.reaper import reaping
from benchmarks.retry_storm import picture, report
from benchmarks.retry_storm.measure import RECOVERY, Plan, Storm, storm
from benchmarks.retry_storm.peers import PEERS
from benchmarks.server import Launcher

RESULTS = Path(__file__).resolve().parent.parent / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0; 1 when --check finds a floor missed."""
    chosen = _parser().parse_args(arguments)
    plan = Plan(before=chosen.before, outage=chosen.outage, after=RECOVERY + chosen.after, rate=chosen.rate)
    found = _run(plan, chosen.peers.split(","))
    chosen.output.mkdir(parents=True, exist_ok=True)
    (chosen.output / "retry-storm.json").write_text(json.dumps(found.as_json(), indent=1) + "\n")
    (chosen.output / "retry-storm.md").write_text(report.markdown(found))
    (chosen.output / "retry-storm.svg").write_text(picture.render(found))
    print(report.terminal(found))
    return int(chosen.check and any(floor.verdict == "missed" for floor in found.floors))


def _run(plan: Plan, names: Sequence[str]) -> report.Report:
    cores.raise_open_files()
    place = cores.choose()
    ready = install.prepare([peer for peer in PEERS if peer.name in names], _say)
    peers = [peer for peer in PEERS if peer.name in ready.versions]
    storms: list[Storm] = []
    with reaping() as reaper:
        launcher = Launcher(programs=ready.programs, core=place.server, reaper=reaper)
        for silent, honour, peer in product((False, True), (False, True), peers):
            storms.append(storm(launcher, place, peer, plan, honour=honour, silent=silent))
            told = storms[-1]
            _say(f"{peer.title}: {told.amplification:.2f} calls a user, {told.goodput:.1%} in time afterwards")
    return report.Report(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine.describe(place),
        plan=plan,
        titles={peer.name: peer.title for peer in PEERS},
        versions=ready.versions,
        left_out=ready.left_out,
        storms=tuple(storms),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retry_storm", description=__doc__)
    parser.add_argument("--peers", default=",".join(peer.name for peer in PEERS), help="comma-separated names")
    parser.add_argument("--rate", type=float, default=100.0, help="users a second [100]")
    parser.add_argument("--before", type=float, default=15.0, help="seconds before the outage [15]")
    parser.add_argument("--outage", type=float, default=30.0, help="seconds of it [30]")
    parser.add_argument("--after", type=float, default=15.0, help=f"seconds measured from {RECOVERY:g} after it [15]")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of retry-storm.json, .md and .svg")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a floor is missed")
    return parser


def _say(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
