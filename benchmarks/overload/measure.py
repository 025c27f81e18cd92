"""The runs: a peer's capacity, then what it answers at multiples of it; for Stanchion also two classes at once, and the
time after an overload."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import quantiles

from benchmarks.cores import Cores
from benchmarks.overload.disturbance import share_of, undisturbed
from benchmarks.overload.generator import Outcome, Run, Stream
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
    disturbed: float
    """The share of the time in which other programs had the server's core."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """All of one peer."""

    peer: str
    capacity: float
    disturbed: float
    """As of a point, while the capacity was measured."""
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
    path: str
    """What is asked for; see `peers.PATHS`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where runs are made, and whom they are told."""

    launcher: Launcher
    cores: Cores
    plan: Plan
    say: Callable[[str], None]


def curve(place: Place, peer: Peer) -> Curve:
    """A peer's capacity and its points, each on a server of its own."""
    title = peer.title
    capacity, disturbed = undisturbed(lambda: _capacity(place, peer), place.say)
    place.say(f"{title}: {capacity:.0f} requests/s with every connection waiting for its answer")
    points = []
    for multiple in place.plan.multiples:
        (outcome,), share = outcomes(place, peer, [Stream(path=place.plan.path, rate=multiple * capacity)])
        points.append(point(outcome, multiple, place.plan.seconds, share))
        told = points[-1]
        place.say(f"{title} at {multiple:g} x: {told.in_time:.0f}/s in time, {told.refused:.0f}/s refused")
    return Curve(peer=peer.name, capacity=capacity, disturbed=disturbed, points=tuple(points))


def outcomes(
    place: Place, peer: Peer, streams: Sequence[Stream], *, longer: float = 0.0
) -> tuple[list[Outcome], float]:
    """An open loop against a server that has just started, as little disturbed as can be had."""
    plan = place.plan

    def once() -> tuple[list[Outcome], float]:
        with place.launcher.serving(peer) as server:
            server.wait_until_ready(plan.path)
            generator = _generator(server, place.cores, plan.connections)
            try:
                return share_of(
                    server.process.pid,
                    lambda: generator.open_loop(streams, seconds=plan.seconds + longer, warm=plan.warm),
                )
            finally:
                generator.close()

    return undisturbed(once, place.say)


def _capacity(place: Place, peer: Peer) -> tuple[float, float]:
    """Requests a second in a closed loop, the server warmed up."""
    path = place.plan.path
    with place.launcher.serving(peer) as server:
        server.wait_until_ready(path)
        generator = _generator(server, place.cores, CAPACITY_CONNECTIONS)
        try:
            generator.closed_loop(path, seconds=1.0)
            return share_of(server.process.pid, lambda: generator.closed_loop(path, seconds=place.plan.seconds))
        finally:
            generator.close()


def classes(place: Place, peer: Peer, capacity: float) -> Classes:
    """The two classes at once."""
    rates = {"/critical": CRITICAL_SHARE * capacity, "/background": 10 * capacity}
    streams = [Stream(path=path, rate=rate) for path, rate in rates.items()]
    (critical, background), share = outcomes(place, peer, streams)
    return Classes(
        critical=point(critical, CRITICAL_SHARE, place.plan.seconds, share),
        background=point(background, 10, place.plan.seconds, share),
        critical_in_time=critical.in_time(OBJECTIVE) / critical.due,
    )


def recovery(place: Place, peer: Peer, capacity: float) -> Recovery:
    """Half the capacity all the time, and ten times of it on top for `seconds`."""
    ended = place.plan.warm + place.plan.seconds
    steady = Stream(path=place.plan.path, rate=capacity / 2)
    burst = Stream(path=f"{place.plan.path}?burst", rate=10 * capacity, until=ended)
    (outcome, _), _ = outcomes(place, peer, [steady, burst], longer=5.0)
    bad = [due for due, good in outcome.fates(OBJECTIVE) if not good and due >= ended]
    return Recovery(seconds=max(bad, default=ended) - ended)


def point(outcome: Outcome, multiple: float, seconds: float, disturbed: float) -> Point:
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
        disturbed=disturbed,
    )


def percentile(latencies: Sequence[float], percent: int) -> float | None:
    """In milliseconds; None of fewer than two."""
    return 1e3 * quantiles(latencies, n=100)[percent - 1] if len(latencies) > 1 else None


def _generator(server: Server, cores: Cores, connections: int) -> Run:
    if cores.load is not None:
        os.sched_setaffinity(0, {cores.load})
    return Run(server.port, connections)
