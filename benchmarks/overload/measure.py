"""The runs: a peer's capacity, then what it answers at multiples of it; for Stanchion also two classes at once, and the
time after an overload."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import quantiles

from benchmarks.cores import Cores
from benchmarks.overload.generator import Outcome, Run, Stream
from benchmarks.overload.peers import WORK
from benchmarks.peers import Peer
from benchmarks.server import Launcher, Server

OBJECTIVE = 0.5
"""Seconds in which an answer is of use to its client."""
CAPACITY_CONNECTIONS = 16
CRITICAL_SHARE = 0.3
"""Of the capacity: what is asked in the critical class while the background class asks for ten times of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One peer at one multiple of its capacity; rates a second, times in milliseconds, None where there was nothing."""

    multiple: float
    offered: float
    in_time: float
    refused: float
    accepted_p50_ms: float | None
    accepted_p99_ms: float | None
    refused_p99_ms: float | None
    broken: int
    unanswered: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """All of one peer."""

    peer: str
    capacity: float
    points: tuple[Point, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Classes:
    """Critical requests beside ten times the capacity in background ones."""

    critical: Point
    background: Point
    critical_in_time: float
    """The share of critical requests answered in time, of all that were due."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recovery:
    """Half the capacity, ten times of it for a while, half again."""

    seconds: float
    """From the end of the overload until every request was answered within the objective again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What is measured, for how long."""

    multiples: Sequence[float]
    seconds: float
    warm: float
    connections: int


def curve(launcher: Launcher, cores: Cores, peer: Peer, plan: Plan, say: Callable[[str], None]) -> Curve:
    """A peer's capacity and its points, each on a server of its own."""
    with launcher.serving(peer) as server:
        capacity = measure_capacity(server, cores, plan)
    say(f"{peer.title}: {capacity:.0f} requests/s with every connection waiting for its answer")
    points = []
    for multiple in plan.multiples:
        with launcher.serving(peer) as server:
            (outcome,) = run(server, cores, plan, [Stream(path=WORK, rate=multiple * capacity)])
        points.append(point(outcome, multiple, plan.seconds))
        say(f"{peer.title} at {multiple:g} x: {points[-1].in_time:.0f}/s in time, {points[-1].refused:.0f}/s refused")
    return Curve(peer=peer.name, capacity=capacity, points=tuple(points))


def measure_capacity(server: Server, cores: Cores, plan: Plan) -> float:
    """Requests a second in a closed loop, the server warmed up."""
    server.wait_until_ready(WORK)
    generator = _generator(server, cores, CAPACITY_CONNECTIONS)
    try:
        generator.closed_loop(WORK, seconds=1.0)
        return generator.closed_loop(WORK, seconds=plan.seconds)
    finally:
        generator.close()


def run(server: Server, cores: Cores, plan: Plan, streams: Sequence[Stream]) -> list[Outcome]:
    """One open loop against a server that has just started."""
    server.wait_until_ready(WORK)
    generator = _generator(server, cores, plan.connections)
    try:
        return generator.open_loop(streams, seconds=plan.seconds, warm=plan.warm)
    finally:
        generator.close()


def classes(launcher: Launcher, cores: Cores, peer: Peer, plan: Plan, capacity: float) -> Classes:
    """The two classes at once."""
    rates = {"/critical": CRITICAL_SHARE * capacity, "/background": 10 * capacity}
    with launcher.serving(peer) as server:
        critical, background = run(server, cores, plan, [Stream(path=path, rate=r) for path, r in rates.items()])
    return Classes(
        critical=point(critical, CRITICAL_SHARE, plan.seconds),
        background=point(background, 10, plan.seconds),
        critical_in_time=critical.in_time(OBJECTIVE) / critical.due,
    )


def recovery(launcher: Launcher, cores: Cores, peer: Peer, plan: Plan, capacity: float) -> Recovery:
    """Half the capacity all the time; ten times of it on top, on `/background`, in the first `seconds`."""
    steady = Stream(path=WORK, rate=capacity / 2)
    burst = Stream(path="/work?burst", rate=10 * capacity, until=plan.warm + plan.seconds)
    longer = Plan(multiples=(), seconds=plan.seconds + 5.0, warm=plan.warm, connections=plan.connections)
    with launcher.serving(peer) as server:
        outcome, _ = run(server, cores, longer, [steady, burst])
    ended = plan.warm + plan.seconds
    bad = [due for due, good in outcome.fates(OBJECTIVE) if not good and due >= ended]
    return Recovery(seconds=max(bad, default=ended) - ended)


def point(outcome: Outcome, multiple: float, seconds: float) -> Point:
    """The figures of a run."""
    return Point(
        multiple=multiple,
        offered=outcome.due / seconds,
        in_time=outcome.in_time(OBJECTIVE) / seconds,
        refused=len(outcome.refused) / seconds,
        accepted_p50_ms=percentile(outcome.accepted, 50),
        accepted_p99_ms=percentile(outcome.accepted, 99),
        refused_p99_ms=percentile(outcome.refused, 99),
        broken=outcome.broken,
        unanswered=outcome.unanswered,
    )


def percentile(latencies: Sequence[float], percent: int) -> float | None:
    """In milliseconds; None of fewer than two."""
    return 1e3 * quantiles(latencies, n=100)[percent - 1] if len(latencies) > 1 else None


def _generator(server: Server, cores: Cores, connections: int) -> Run:
    if cores.load is not None:
        os.sched_setaffinity(0, {cores.load})
    return Run(server.port, connections)
