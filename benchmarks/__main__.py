"""`python -m benchmarks`: installs what is missing, measures, judges, reports."""

import json
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from benchmarks import floors, install, markdown, options, run, svg, terminal
from benchmarks.options import Options
from benchmarks.peers import PEERS, Kind
from benchmarks.results import Report


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0; 1 when --check finds a floor missed or wrk cannot be had; 2 for a bad argument."""
    chosen = options.parse(arguments)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        report = run.measure(chosen)
    except install.InstallFailed as error:
        print(f"python -m benchmarks: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("python -m benchmarks: interrupted; every server is ended", file=sys.stderr)
        return 130
    _write(chosen, report)
    if chosen.json:
        print(json.dumps(report.as_json(), indent=2))
    else:
        print(terminal.render(report, colour=terminal.wants_colour(sys.stdout)))
    return int(chosen.check and floors.failed(report.floors, _faulty(report)))


def _faulty(report: Report) -> list[str]:
    """The cases in which Stanchion itself has no valid figure."""
    return [case for case, figure in report.every() if figure.peer == floors.OURS and not figure.valid]


def _write(chosen: Options, report: Report) -> None:
    """latest.json, latest.md and (with case (a) or (b)) latest.svg into the output folder."""
    chosen.output.mkdir(parents=True, exist_ok=True)
    bare = [peer.name for peer in PEERS if peer.kind is Kind.BARE]
    (chosen.output / "latest.json").write_text(json.dumps(report.as_json(), indent=2) + "\n")
    (chosen.output / "latest.md").write_text(markdown.render(report))
    if svg.has_figures(report):
        (chosen.output / "latest.svg").write_text(svg.render(report, bare))


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    """SIGTERM as an exception, so that every server's block is left in order."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
