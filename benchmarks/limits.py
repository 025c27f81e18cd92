"""What a rate limit costs, beside express-rate-limit: `python -m benchmarks.limits`.

The same JSON route with a limit by address that is never reached: Express with express-rate-limit and rate-limit-redis,
and Stanchion with the limit in Redis exact, in Redis leased, on the board, and without one. One core has the server,
the other wrk and Redis. All take turns, round after round, each with a server of its own.

The floor is judged by requests for a second of the server's processor time, which for a core that is busy are those a
second, and which another program on the machine does not change.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from os import environ
from statistics import median

from benchmarks.bench import Bench
from benchmarks.cases import Case
from benchmarks.cores import Cores, choose, pin
from benchmarks.install import InstallFailed, prepare, system_program
from benchmarks.load import Generator
from benchmarks.machine import describe
from benchmarks.peers import Kind, Peer
from benchmarks.progress import Progress
from benchmarks.server import Launcher, free_port

ITEM = Case(letter="r", title="rate limit", path="/items/7")
CONNECTIONS = 64
FLOOR, GOAL = 5, 10
EXPRESS, EXACT = "Express, express-rate-limit, Redis", "Stanchion, Redis, exact"
_SERVE = ("{project}", "-m", "stanchion", "serve", "limits_app:app", "--host", "127.0.0.1", "--port", "{port}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Runner:
    """A peer, and the variables its server is told its limit by."""

    peer: Peer
    variables: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One measure: requests a second, and for a second of the server's processor time."""

    per_second: float
    per_processor_second: float


def runners(store: str) -> tuple[Runner, ...]:
    """All that take part; `store` is Redis' URL."""
    express = Peer(
        name="limits-express",
        title=EXPRESS,
        kind=Kind.NODE,
        home="node",
        command=("{node}", "limits_express.js", "{port}", store),
        cases="r",
        packages=("node", "express", "express-rate-limit", "rate-limit-redis", "redis"),
    )
    stanchion = {
        EXACT: {"BENCH_LIMIT": "1", "BENCH_STORE": store},
        "Stanchion, Redis, leased": {"BENCH_LIMIT": "1", "BENCH_STORE": store, "BENCH_LEASE": "100"},
        "Stanchion, the board": {"BENCH_LIMIT": "1"},
        "Stanchion, no limit": {},
    }
    return (
        Runner(peer=express, variables={}),
        *(Runner(peer=_stanchion(title), variables=variables) for title, variables in stanchion.items()),
    )


def _stanchion(title: str) -> Peer:
    return Peer(
        name="limits-stanchion",
        title=title,
        kind=Kind.STANCHION,
        home="project",
        command=(*_SERVE, "--admin-port", "off", "--limit-store-timeout", "1s"),
        cases="r",
        packages=("stanchion", "uvloop", "redis", "hiredis"),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; exit code 1 when the floor is missed and --check is given."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.limits", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds [3]")
    parser.add_argument("--seconds", type=int, default=5, help="seconds a measure [5]")
    parser.add_argument("--check", action="store_true", help="exit with 1 when the floor is missed")
    options = parser.parse_args(arguments)
    cores = choose()
    try:
        generator = Generator(wrk=system_program("wrk", print), core=cores.load)
        server = shutil.which("redis-server") or shutil.which("valkey-server") or system_program("redis-server", print)
        with redis(server, cores) as store:
            return _measured(runners(store), generator, cores, options)
    except InstallFailed as error:
        print(f"python -m benchmarks.limits: {error}", file=sys.stderr)
        return 1


def _measured(chosen: Sequence[Runner], generator: Generator, cores: Cores, options: argparse.Namespace) -> int:
    ready = prepare([runner.peer for runner in chosen], print)
    print(", ".join(f"{name}: {value}" for name, value in describe(cores).items()))
    for name, versions in ready.versions.items():
        print(f"{name}: {', '.join(f'{package} {version}' for package, version in versions.items())}")
    bench = Bench(
        launcher=Launcher(programs=ready.programs, core=cores.server),
        generator=generator,
        progress=Progress(1, quiet=True),
        rounds=options.rounds,
        seconds=options.seconds,
        connections=CONNECTIONS,
    )
    found: dict[str, list[Figure]] = {runner.peer.title: [] for runner in chosen}
    for number in range(options.rounds):
        for runner in (*chosen[number:], *chosen[:number]):
            found[runner.peer.title].append(_one(runner, bench))
    return report(found, check=options.check)


def _one(runner: Runner, bench: Bench) -> Figure:
    before = {name: environ.get(name) for name in ("BENCH_LIMIT", "BENCH_STORE", "BENCH_LEASE")}
    try:
        for name in before:
            environ[name] = runner.variables.get(name, "")
        with bench.launcher.serving(runner.peer) as server:
            server.wait_until_ready(ITEM.path)
            bench.warm_up(ITEM, server)
            load, used = bench.load(ITEM, server, bench.seconds)
    finally:
        for name, value in before.items():
            environ.pop(name) if value is None else environ.__setitem__(name, value)
    if faults := load.faults(ITEM):
        raise SystemExit(f"benchmarks.limits: {runner.peer.title}: {', '.join(faults)}")
    figure = Figure(per_second=load.per_second, per_processor_second=load.requests / used)
    print(_line(runner.peer.title, figure), f"  p50 {load.p50_ms:.2f} ms   p99 {load.p99_ms:.2f} ms", flush=True)
    return figure


def _line(title: str, figure: Figure) -> str:
    return f"{title:36} {figure.per_second:9,.0f}/s {figure.per_processor_second:9,.0f} a processor second"


def report(found: Mapping[str, Sequence[Figure]], *, check: bool) -> int:
    """Print the medians, and judge the exact limit."""
    medians = {
        title: Figure(
            per_second=median(figure.per_second for figure in figures),
            per_processor_second=median(figure.per_processor_second for figure in figures),
        )
        for title, figures in found.items()
    }
    express = medians[EXPRESS].per_processor_second
    print("medians:")
    for title, figure in medians.items():
        print(f"{_line(title, figure)}   {figure.per_processor_second / express:5.2f} of Express")
    times = medians[EXACT].per_processor_second / express
    print(f"exact limit in Redis against express-rate-limit: {times:.2f} (floor {FLOOR}, goal {GOAL})")
    return int(check and times < FLOOR)


@contextmanager
def redis(program: str, cores: Cores) -> Iterator[str]:
    """A Redis of our own on the load's core, without persistence; its URL."""
    port = free_port()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="stanchion-bench-"))
        process = subprocess.Popen(
            [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            preexec_fn=pin(cores.load),
        )
        stack.callback(process.wait)
        stack.callback(process.terminate)
        yield f"redis://127.0.0.1:{port}/0"


if __name__ == "__main__":
    sys.exit(main())
