"""Case (f): how long an import takes, and how long from a process's start to its first right answer."""

import subprocess
import time
from collections.abc import Mapping, Sequence
from statistics import median

from benchmarks.bench import Bench
from benchmarks.cases import TYPED_GET
from benchmarks.check import WrongAnswer, check
from benchmarks.cores import pin
from benchmarks.peers import Kind, Peer
from benchmarks.results import StartFigure
from benchmarks.server import Launcher, ServerFailed, environment

TIMES = 7
POLL = 0.002
IMPORT_LIMIT = 60.0


class ImportFailed(Exception):
    """The import of a peer's package ended with an error."""


def run(bench: Bench, peers: Sequence[Peer]) -> list[StartFigure]:
    """One figure a peer: medians of `TIMES` starts, after one that only warms disk and byte-code."""
    return [_figure(bench, peer) for peer in peers]


def _figure(bench: Bench, peer: Peer) -> StartFigure:
    try:
        found = StartFigure(
            peer=peer.name,
            import_ms=_import_ms(bench.launcher, peer),
            first_answer_ms=median([_first_answer_ms(bench, peer) for _ in range(TIMES + 1)][1:]),
        )
        said = f"import {found.import_ms:.0f} ms, first answer {found.first_answer_ms:.0f} ms"
    except (ServerFailed, WrongAnswer, ImportFailed, OSError) as error:
        found = StartFigure(peer=peer.name, faults=(str(error),))
        said = str(error)
    bench.progress.step(f"(f) {peer.title}: {said}")
    return found


def _first_answer_ms(bench: Bench, peer: Peer) -> float:
    with bench.launcher.serving(peer) as server:
        seconds = server.wait_until_ready(TYPED_GET.path, step=POLL)
        check(TYPED_GET, server.port)
    return seconds * 1000


def _import_ms(launcher: Launcher, peer: Peer) -> float:
    """The median with the import less the median without, the two taken in turns."""
    program = launcher.programs[peer.home]
    node = peer.kind is Kind.NODE
    switch, bare = ("-e", "0") if node else ("-c", "pass")
    statement = f"require('{peer.imports}')" if node else f"import {peer.imports}"
    variables = environment(peer.home)
    _timed([program, switch, statement], variables, launcher.core)
    times: dict[str, list[float]] = {bare: [], statement: []}
    for _ in range(TIMES):
        for code, taken in times.items():
            taken.append(_timed([program, switch, code], variables, launcher.core))
    return (median(times[statement]) - median(times[bare])) * 1000


def _timed(command: list[str], variables: Mapping[str, str], core: int | None) -> float:
    started = time.perf_counter()
    done = subprocess.run(
        command,
        env=variables,
        preexec_fn=pin(core),
        timeout=IMPORT_LIMIT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    taken = time.perf_counter() - started
    if done.returncode:
        raise ImportFailed(f"{' '.join(command[1:])} failed: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
    return taken
