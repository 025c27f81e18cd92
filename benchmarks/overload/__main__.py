"""`python -m benchmarks.overload`: overload each server, judge Stanchion by its floors, report."""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import cores, install, machine
from benchmarks.overload import measure, picture, report
from benchmarks.overload.peers import OURS, PATHS, PEERS
from benchmarks.peers import Peer
from benchmarks.reaper import reaping
from benchmarks.server import Launcher

RESULTS = Path(__file__).resolve().parent.parent / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0; 1 when --check finds a floor missed."""
    chosen = _parser().parse_args(arguments)
    plan = measure.Plan(
        multiples=[float(text) for text in chosen.multiples.split(",")],
        seconds=chosen.seconds,
        warm=chosen.warm,
        connections=chosen.connections,
        path=PATHS[chosen.handler],
    )
    found = _run(plan, chosen.handler, [peer for peer in PEERS if peer.name in chosen.peers.split(",")])
    chosen.output.mkdir(parents=True, exist_ok=True)
    (chosen.output / f"{found.stem}.json").write_text(json.dumps(found.as_json(), indent=2) + "\n")
    (chosen.output / f"{found.stem}.md").write_text(report.markdown(found))
    (chosen.output / f"{found.stem}.svg").write_text(picture.render(found))
    print(report.terminal(found))
    return int(chosen.check and any(floor.verdict == "missed" for floor in found.floors))


def _run(plan: measure.Plan, handler: str, peers: Sequence[Peer]) -> report.Report:
    limit = cores.raise_open_files()
    place = cores.choose()
    ready = install.prepare(peers, _say)
    peers = [peer for peer in peers if peer.name in ready.versions]
    classes = recovery = None
    curves = []
    with reaping() as reaper:
        launcher = Launcher(programs=ready.programs, core=place.server, reaper=reaper)
        where = measure.Place(launcher=launcher, cores=place, plan=plan, say=_say)
        for peer in peers:
            curves.append(measure.curve(where, peer))
            if peer.name == OURS and handler == "inline":
                classes = measure.classes(where, peer, curves[-1].capacity)
            if peer.name == OURS:
                recovery = measure.recovery(where, peer, curves[-1].capacity)
    return report.Report(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine.describe(place),
        seconds=plan.seconds,
        warm=plan.warm,
        connections=min(plan.connections, limit // 2),
        handler=handler,
        titles={peer.name: peer.title for peer in PEERS},
        versions=ready.versions,
        left_out=ready.left_out,
        curves=tuple(curves),
        classes=classes,
        recovery=recovery,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overload", description=__doc__)
    parser.add_argument("--peers", default=",".join(peer.name for peer in PEERS), help="comma-separated names")
    parser.add_argument(
        "--handler", choices=PATHS, default="inline", help="whether a handler only computes, or waits first"
    )
    parser.add_argument("--warm", type=float, default=2.0, help="seconds of each point that do not count")
    parser.add_argument("--multiples", default="0.5,0.8,1,1.5,2,3,5,10", help="of each peer's own capacity")
    parser.add_argument("--seconds", type=float, default=6.0, help="a point")
    parser.add_argument("--connections", type=int, default=4000, help="the most that are open at once")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the .json, .md and .svg")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a floor is missed")
    return parser


def _say(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
