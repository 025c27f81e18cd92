"""What a second worker is worth, and how evenly connections spread: `python -m benchmarks.scaling`.

One worker and two serve a CPU-bound route in turns, under a closed loop of wrk on 64 connections. wrk shares the cores
with the servers, so the time it took is taken out: two workers can have what it leaves of two cores. While two workers
serve, /status.json tells how many connections each has.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from typing import Any
from urllib.request import urlopen

from benchmarks.cases import Case
from benchmarks.cores import Cores
from benchmarks.load import Generator
from benchmarks.machine import describe

APPS = Path(__file__).with_name("peers")
CORES = 2
COMPUTE = Case(letter="g", title="CPU-bound", path="/compute")
CONNECTIONS = 64
FLOOR, MOST_SHARE = 1.8, 1.3


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """Where a running server listens."""

    port: int
    admin: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """One measure: requests a second, the cores that wrk used, and the connections of each worker."""

    per_second: float
    generated: float
    connections: Sequence[int]

    @property
    def largest_share(self) -> float:
        """Connections of the fullest worker over the mean."""
        return max(self.connections) * len(self.connections) / sum(self.connections)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; exit code 1 when a floor is missed and --check is given."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds [5]")
    parser.add_argument("--seconds", type=int, default=4, help="seconds a measure [4]")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a floor is missed")
    options = parser.parse_args(arguments)
    wrk = shutil.which("wrk")
    if wrk is None or (os.cpu_count() or 1) < CORES:
        print("benchmarks.scaling needs wrk and two cores; install wrk, or take another machine", file=sys.stderr)
        return 2
    generator = Generator(wrk=wrk, core=None)
    rounds = [
        tuple(measure(workers, generator, options.seconds) for workers in (1, CORES)) for _ in range(options.rounds)
    ]
    return report(rounds, check=options.check)


def report(rounds: Sequence[tuple[Measure, ...]], *, check: bool) -> int:
    """Print the medians and judge them."""
    gains = [two.per_second / one.per_second for one, two in rounds]
    due = [gain * CORES / (CORES - two.generated) for gain, (_, two) in zip(gains, rounds, strict=True)]
    share = max(two.largest_share for _, two in rounds)
    machine = describe(Cores(server=None, load=None))
    print(", ".join(f"{name}: {value}" for name, value in machine.items()))
    for one, two in rounds:
        print(f"1 worker {one.per_second:7.0f}/s   2 workers {two.per_second:7.0f}/s   ", end="")
        print(f"wrk took {two.generated:.2f} cores   connections {' + '.join(map(str, two.connections))}")
    print(
        f"two workers over one: {median(gains):.2f}, with wrk's share accounted for {median(due):.2f} (floor {FLOOR})"
    )
    print(f"fullest worker over the mean, at most: {share:.2f} (floor {MOST_SHARE})")
    return int(check and (median(due) < FLOOR or share > MOST_SHARE))


def measure(workers: int, generator: Generator, seconds: int) -> Measure:
    """A server of its own for each measure, so that neither profits from the other's warmth."""
    with serving(workers) as server, ThreadPoolExecutor(1) as beside:
        others = _time_of_children()
        status = beside.submit(_status_after, seconds / 2, server.admin)
        load = generator.run(COMPUTE, server.port, seconds=seconds, connections=CONNECTIONS)
        generated = (_time_of_children() - others) / load.seconds
    if faults := load.faults(COMPUTE):
        raise SystemExit(f"benchmarks.scaling: {', '.join(faults)}")
    connections = [worker["connections"] for worker in status.result()["workers"]]
    return Measure(per_second=load.per_second, generated=generated, connections=connections)


@contextmanager
def serving(workers: int) -> Iterator[Served]:
    """`stanchion serve` with so many workers, ready."""
    command = [sys.executable, "-m", "stanchion", "serve", "cluster_app:app", "--workers", str(workers)]
    process = subprocess.Popen(
        [*command, "--port", "0", "--admin-port", "0"], cwd=APPS, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        ports = []
        for line in process.stdout:
            ports += re.findall(r"http://127\.0\.0\.1:(\d+)(?: |$)", line.rstrip())
            if len(ports) == 2:
                break
        else:
            raise SystemExit("benchmarks.scaling: the server did not start")
        yield Served(port=int(ports[0]), admin=int(ports[1]))
    finally:
        process.terminate()
        process.wait()


def _status_after(seconds: float, admin: int) -> Any:
    time.sleep(seconds)
    with urlopen(f"http://127.0.0.1:{admin}/status.json", timeout=10) as answer:
        return json.load(answer)


def _time_of_children() -> float:
    """Processor time of the children that have ended: of wrk, while the servers still run."""
    usage = getrusage(RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    sys.exit(main())
