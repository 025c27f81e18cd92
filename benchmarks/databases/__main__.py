"""`python -m benchmarks.databases`."""

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import databases
from benchmarks.bench import Bench
from benchmarks.cores import Cores, choose
from benchmarks.databases.duels import duels
from benchmarks.databases.stores import postgresql, sqlite_file
from benchmarks.duel import Duel, DuelFailed, Figure, fight
from benchmarks.duel_report import Run, report, write
from benchmarks.install import InstallFailed, prepare, system_program
from benchmarks.load import Generator
from benchmarks.machine import describe
from benchmarks.progress import Progress
from benchmarks.server import Launcher

CONNECTIONS = 64


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; exit code 1 when a floor is missed and --check is given."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.databases", description=databases.__doc__)
    names = ", ".join(duels("", ""))
    parser.add_argument("--only", default="", metavar="NAME,…", help=f"some of {names} [all]")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds [3]")
    parser.add_argument("--seconds", type=int, default=4, help="seconds a measure [4]")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a floor is missed")
    options = parser.parse_args(arguments)
    unknown = set(filter(None, options.only.split(","))) - set(duels("", ""))
    if unknown:
        parser.error(f"--only {', '.join(sorted(unknown))}: expected some of {names}")
    try:
        return _measured(options, choose())
    except (InstallFailed, DuelFailed) as error:
        print(f"python -m benchmarks.databases: {error}", file=sys.stderr)
        return 1


def _measured(options: argparse.Namespace, cores: Cores) -> int:
    generator = Generator(wrk=system_program("wrk", print), core=cores.load)
    ready = prepare([contender.peer for duel in duels("", "").values() for contender in duel.contenders], print)
    if ready.left_out:
        raise InstallFailed("; ".join(f"{name}: {reason}" for name, reason in ready.left_out.items()))
    machine = describe(cores)
    print(", ".join(f"{name}: {value}" for name, value in machine.items()))
    bench = Bench(
        launcher=Launcher(programs=ready.programs, core=cores.server),
        generator=generator,
        progress=Progress(1, quiet=True),
        rounds=options.rounds,
        seconds=options.seconds,
        connections=CONNECTIONS,
    )
    chosen = list(filter(None, options.only.split(",")))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stanchion-bench-")))
        everything = duels(stack.enter_context(postgresql(cores.load)), sqlite_file(folder))
        work = {name: duel for name, duel in everything.items() if name in chosen or not chosen}
        medians = _fought(work, bench)
    missed = report(work, medians)
    if not chosen:
        title = "Reads and writes of a database"
        write(Run(name="databases", title=title, work=work, medians=medians, machine=machine, versions=ready.versions))
    return int(options.check and missed)


def _fought(work: Mapping[str, Duel], bench: Bench) -> dict[str, dict[str, Figure]]:
    medians = {}
    for name, duel in work.items():
        print(f"{name}: {duel.case.title}")
        medians[name] = fight(duel, bench)
    return medians


if __name__ == "__main__":
    sys.exit(main())
