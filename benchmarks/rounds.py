"""The interleaved rounds of the cases under load.

Round after round every peer has its turn, starting with another peer each time, so that what the machine
does meanwhile (turbo, a neighbour's build) meets all of them. Each turn starts a fresh server: a figure must
not hang on one process's luck with its memory layout.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import TypeVar

from benchmarks.bench import Bench
from benchmarks.cases import LOADS, MANY_ROUTES, TYPED_GET, Case
from benchmarks.check import WrongAnswer, check
from benchmarks.load import LoadFailed
from benchmarks.peers import Peer
from benchmarks.results import Measure
from benchmarks.server import Server, ServerFailed

T = TypeVar("T")


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


def rotated(peers: Sequence[T], by: int) -> list[T]:
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
        bench.warm_up(case, server)
        load, used = bench.load(case, server, bench.seconds)
    except (WrongAnswer, LoadFailed) as error:
        return Measure(peer=peer.name, case=case.letter, round=number, faults=(str(error),))
    return Measure(
        peer=peer.name,
        case=case.letter,
        round=number,
        per_second=load.per_second,
        p50_ms=load.p50_ms,
        p99_ms=load.p99_ms,
        busy=min(1.0, used / load.seconds) if load.seconds else 0.0,
        faults=load.faults(case),
    )
