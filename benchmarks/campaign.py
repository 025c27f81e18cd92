"""Duels with one command line: `--only`, `--rounds`, `--seconds`, `--check`, and the results of a whole run kept."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.bench import Bench
from benchmarks.cores import choose
from benchmarks.duel import Duel, DuelFailed, fight
from benchmarks.duel_report import Run, report, write
from benchmarks.install import InstallFailed, prepare, system_program
from benchmarks.load import Generator
from benchmarks.machine import describe
from benchmarks.progress import Progress
from benchmarks.server import Launcher

CONNECTIONS = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Campaign:
    """Some duels that belong together."""

    name: str
    """Of the module under `benchmarks`, and of the files in `results/`."""
    title: str
    about: str | None
    """For `--help`."""
    plan: Mapping[str, Duel]
    """All duels by name, with addresses left empty: for who takes part."""
    begin: Callable[[ExitStack, Launcher], Mapping[str, Duel]]
    """Starts what stands beside the servers, on the load's core, until the stack is closed; the duels with its
    addresses."""


def run(campaign: Campaign, arguments: Sequence[str] | None = None) -> int:
    """Measure and print; exit code 1 when a floor is missed and --check is given, or nothing can be measured."""
    command = f"python -m benchmarks.{campaign.name}"
    parser = argparse.ArgumentParser(prog=command, description=campaign.about)
    names = ", ".join(campaign.plan)
    parser.add_argument("--only", default="", metavar="NAME,…", help=f"some of {names} [all]")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds [3]")
    parser.add_argument("--seconds", type=int, default=4, help="seconds a measure [4]")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a floor is missed")
    options = parser.parse_args(arguments)
    chosen = list(filter(None, options.only.split(",")))
    if unknown := set(chosen) - set(campaign.plan):
        parser.error(f"--only {', '.join(sorted(unknown))}: expected some of {names}")
    try:
        missed = _measured(campaign, chosen, options)
    except (InstallFailed, DuelFailed) as error:
        print(f"{command}: {error}", file=sys.stderr)
        return 1
    return int(options.check and missed)


def _measured(campaign: Campaign, chosen: Sequence[str], options: argparse.Namespace) -> bool:
    cores = choose()
    generator = Generator(wrk=system_program("wrk", print), core=cores.load)
    ready = prepare([contender.peer for duel in campaign.plan.values() for contender in duel.contenders], print)
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
    medians = {}
    with ExitStack() as stack:
        everything = campaign.begin(stack, Launcher(programs=ready.programs, core=cores.load))
        work = {name: duel for name, duel in everything.items() if name in chosen or not chosen}
        for name, duel in work.items():
            print(f"{name}: {duel.case.title}")
            medians[name] = fight(duel, bench)
    missed = report(work, medians)
    if not chosen:
        kept = Run(
            name=campaign.name,
            title=campaign.title,
            work=work,
            medians=medians,
            machine=machine,
            versions=ready.versions,
        )
        write(kept)
    return missed
