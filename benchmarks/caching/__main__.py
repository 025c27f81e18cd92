"""`python -m benchmarks.caching`."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack

from benchmarks import caching
from benchmarks.bench import Bench
from benchmarks.caching.duels import KEPT, duels, upstreams
from benchmarks.cores import Cores, choose
from benchmarks.duel import DuelFailed, fight
from benchmarks.duel_report import Run, report, write
from benchmarks.install import InstallFailed, prepare, system_program
from benchmarks.limits import redis
from benchmarks.load import Generator
from benchmarks.machine import describe
from benchmarks.progress import Progress
from benchmarks.server import Launcher

CONNECTIONS = 64


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; exit code 1 when a floor is missed and --check is given."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.caching", description=caching.__doc__)
    names = ", ".join(duels("", "", ""))
    parser.add_argument("--only", default="", metavar="NAME,…", help=f"some of {names} [all]")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds [3]")
    parser.add_argument("--seconds", type=int, default=4, help="seconds a measure [4]")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a floor is missed")
    options = parser.parse_args(arguments)
    unknown = set(filter(None, options.only.split(","))) - set(duels("", "", ""))
    if unknown:
        parser.error(f"--only {', '.join(sorted(unknown))}: expected some of {names}")
    cores = choose()
    try:
        return _measured(options, cores)
    except (InstallFailed, DuelFailed) as error:
        print(f"python -m benchmarks.caching: {error}", file=sys.stderr)
        return 1


def _measured(options: argparse.Namespace, cores: Cores) -> int:
    generator = Generator(wrk=system_program("wrk", print), core=cores.load)
    everyone = [contender.peer for duel in duels("", "", "").values() for contender in duel.contenders]
    ready = prepare(everyone, print)
    if ready.left_out:
        raise InstallFailed("; ".join(f"{name}: {reason}" for name, reason in ready.left_out.items()))
    machine = describe(cores)
    print(", ".join(f"{name}: {value}" for name, value in machine.items()))
    with ExitStack() as stack:
        store = stack.enter_context(redis(system_program("redis-server", print), cores))
        beside = Launcher(programs=ready.programs, core=cores.load)
        urls = []
        for peer in upstreams():
            server = stack.enter_context(beside.serving(peer))
            server.wait_until_ready(KEPT.path)
            urls.append(f"http://127.0.0.1:{server.port}")
        bench = Bench(
            launcher=Launcher(programs=ready.programs, core=cores.server),
            generator=generator,
            progress=Progress(1, quiet=True),
            rounds=options.rounds,
            seconds=options.seconds,
            connections=CONNECTIONS,
        )
        chosen = list(filter(None, options.only.split(",")))
        work = {name: duel for name, duel in duels(store, *urls).items() if name in chosen or not chosen}
        medians = {}
        for name, duel in work.items():
            print(f"{name}: {duel.case.title}")
            medians[name] = fight(duel, bench)
    missed = report(work, medians)
    if not chosen:
        title = "Cached and proxied responses"
        write(Run(name="caching", title=title, work=work, medians=medians, machine=machine, versions=ready.versions))
    return int(options.check and missed)


if __name__ == "__main__":
    sys.exit(main())
