"""The interleaved rounds of the cases under load.

Round after round every peer has its turn, starting with another peer each time, so that what the machine
does meanwhile (turbo, a neighbour's build) meets all of them. Each turn starts a fresh server: a figure must
not hang on one process's luck with its memory layout.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks import processes
from benchmarks.cases import LOADS, MANY_ROUTES, TYPED_GET, Case
from benchmarks.check import WrongAnswer, check
from benchmarks.load import Generator, LoadFailed
from benchmarks.peers import Peer
from benchmarks.progress import Progress
from benchmarks.results import Measure
from benchmarks.server import Launcher, Server, ServerFailed


@dataclass(frozen=True, kw_only=True, slots=True)
class Bench:
    """What every measure needs: servers, load, and how long and how wide."""

    launcher: Launcher
    generator: Generator
    progress: Progress
    rounds: int
    seconds: int
    connections: int

    def warm_up(self, case: Case, port: int) -> None:
        """Load, a second at a time, until the last two seconds were no faster than those before.

        A fixed time is unfair to Node, whose compilers share the server's one core: Fastify was seen to
        double its rate between the second and the tenth second. Bounded by twice the measure's own length.
        """
        rates: list[float] = []
        while len(rates) < 2 * self.seconds and not settled(rates):
            rates.append(self.generator.run(case, port, seconds=1, connections=self.connections).per_second)


def settled(rates: Sequence[float]) -> bool:
    """Whether the last two rates brought nothing (5 % at most) over the best of those before them."""
    return len(rates) > 2 and max(rates[-2:]) <= 1.05 * max(rates[:-2])


def steps(peers: Sequence[Peer], letters: str, rounds: int) -> int:
    """How many measures `run` will make."""
    return rounds * sum(len(_cases(peer, letters, 1)) for peer in peers)


def run(bench: Bench, peers: Sequence[Peer], letters: str) -> list[Measure]:
    """All measures of the chosen cases; a peer that fails has measures that say why."""
    measures: list[Measure] = []
    for number in range(1, bench.rounds + 1):
        for peer in rotated(peers, number - 1):
            cases = _cases(peer, letters, number)
            if cases:
                measures.extend(_turn(bench, peer, cases, number))
    return measures


def rotated(peers: Sequence[Peer], by: int) -> list[Peer]:
    """The peers, starting a third of the way further each round, so that three rounds spread evenly."""
    start = by * max(1, len(peers) // 3) % max(1, len(peers))
    return [*peers[start:], *peers[:start]]


def _cases(peer: Peer, letters: str, number: int) -> list[Case]:
    """A peer's cases of a round: (a) and (c), which a floor divides, are neighbours in alternating order."""
    pair = [TYPED_GET, MANY_ROUTES] if number % 2 else [MANY_ROUTES, TYPED_GET]
    others = [case for case in LOADS.values() if case not in pair]
    return [case for case in (*pair, *others) if case.letter in letters and case.letter in peer.cases]


def _turn(bench: Bench, peer: Peer, cases: Sequence[Case], number: int) -> Iterator[Measure]:
    """One peer in one round. A case with routes of its own has its own process, up for the whole turn."""
    with ExitStack() as stack:
        servers: dict[int, Server | str] = {}
        for case in cases:
            if case.routes not in servers:
                servers[case.routes] = _start(bench, stack, peer, case)
        for case in cases:
            measure = _measure(bench, peer, case, number, servers[case.routes])
            found = measure.faults[0] if measure.faults else f"{measure.per_second:,.0f} requests/s"
            bench.progress.step(f"round {number}/{bench.rounds}  ({case.letter}) {peer.title}: {found}")
            yield measure


def _start(bench: Bench, stack: ExitStack, peer: Peer, case: Case) -> Server | str:
    """A ready server, or why there is none."""
    try:
        server = stack.enter_context(bench.launcher.serving(peer, routes=case.routes))
        server.wait_until_ready(case.path if case.body is None else TYPED_GET.path)
    except (ServerFailed, OSError) as error:
        return f"did not start: {error}"
    return server


def _measure(bench: Bench, peer: Peer, case: Case, number: int, server: Server | str) -> Measure:
    if isinstance(server, str):
        return Measure(peer=peer.name, case=case.letter, round=number, faults=(server,))
    try:
        check(case, server.port)
        bench.warm_up(case, server.port)
        before = processes.cpu_seconds(server.process.pid)
        load = bench.generator.run(case, server.port, seconds=bench.seconds, connections=bench.connections)
        used = processes.cpu_seconds(server.process.pid) - before
    except (WrongAnswer, LoadFailed) as error:
        return Measure(peer=peer.name, case=case.letter, round=number, faults=(str(error),))
    return Measure(
        peer=peer.name,
        case=case.letter,
        round=number,
        per_second=load.per_second,
        p50_ms=load.p50_ms,
        p99_ms=load.p99_ms,
        busy=min(1.0, used / load.seconds),
        faults=load.faults(case),
    )
