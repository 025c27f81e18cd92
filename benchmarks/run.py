"""One whole run: the peers are installed, measured case by case, and judged; the result is a `Report`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmarks import cores, floors, idle, install, machine, results, rounds, startup
from benchmarks.bench import Bench
from benchmarks.cases import IDLE, STARTUP
from benchmarks.load import Generator
from benchmarks.options import Options
from benchmarks.peers import Peer
from benchmarks.progress import Progress
from benchmarks.reaper import reaping
from benchmarks.results import Report
from benchmarks.server import Launcher


def measure(chosen: Options) -> Report:
    """The whole run, from installing to judging."""
    limit = cores.raise_open_files()
    place = cores.choose()
    early = Progress(1, quiet=chosen.json)
    wrk = install.system_program("wrk", early.say)
    ready = install.prepare(chosen.peers, early.say)
    peers = [peer for peer in chosen.peers if peer.name in ready.versions]
    connections = idle.connections_possible(limit)
    with reaping() as reaper:
        bench = Bench(
            launcher=Launcher(programs=ready.programs, core=place.server, reaper=reaper),
            generator=Generator(wrk=wrk, core=place.load),
            progress=Progress(_steps(chosen, peers), quiet=chosen.json),
            rounds=chosen.rounds,
            seconds=chosen.seconds,
            connections=chosen.connections,
        )
        found = floors.Found(
            loads=results.figures(rounds.run(bench, peers, chosen.cases)),
            idle=idle.run(bench, _taking_part(peers, chosen, IDLE), connections),
            startup=startup.run(bench, _taking_part(peers, chosen, STARTUP)),
        )
    return _report(chosen, found, Context(ready=ready, cores=place, connections=connections))


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """What a report tells besides its figures."""

    ready: install.Ready
    cores: cores.Cores
    connections: int


def _report(chosen: Options, found: floors.Found, context: Context) -> Report:
    return Report(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine.describe(context.cores),
        settings={
            "rounds": chosen.rounds,
            "seconds a measure": chosen.seconds,
            "connections": chosen.connections,
        },
        titles={peer.name: peer.title for peer in chosen.peers},
        versions=context.ready.versions,
        left_out=context.ready.left_out,
        loads=tuple(found.loads),
        idle=tuple(found.idle),
        startup=tuple(found.startup),
        floors=floors.judge(found, chosen.cases),
        notes=_notes(chosen, context),
    )


def _notes(chosen: Options, context: Context) -> tuple[str, ...]:
    notes = []
    if context.cores.server is None:
        notes.append("only one core is usable: server and load share it, and no figure here is worth comparing")
    if IDLE in chosen.cases and context.connections < idle.CONNECTIONS:
        notes.append(f"the limit of open files allows only {context.connections} idle connections in case (e)")
    return tuple(notes)


def _taking_part(peers: Sequence[Peer], chosen: Options, letter: str) -> list[Peer]:
    return [peer for peer in peers if letter in chosen.cases and letter in peer.cases]


def _steps(chosen: Options, peers: Sequence[Peer]) -> int:
    idle_steps = chosen.rounds * len(_taking_part(peers, chosen, IDLE))
    startup_steps = len(_taking_part(peers, chosen, STARTUP))
    return rounds.steps(peers, chosen.cases, chosen.rounds) + idle_steps + startup_steps
