"""A run: users come all the time, the dependency dies and comes back, and what happened in each second is counted."""

import asyncio
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from os import environ
from time import perf_counter

from benchmarks.cores import Cores
from benchmarks.peers import Peer
from benchmarks.retry_storm.clients import Crowd
from benchmarks.retry_storm.door import Door
from benchmarks.server import Launcher

OBJECTIVE = 1.0
"""Seconds in which an answer is of use to its user, retries and pauses included."""
RECOVERY = 5.0
"""Seconds after the dependency is back from which users are to be served again."""
_VARIABLE = "BENCH_DEPENDENCY"


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Seconds before, in and after the outage, and users a second."""

    before: float
    outage: float
    after: float
    rate: float

    @property
    def back(self) -> float:
        """When the dependency is back."""
        return self.before + self.outage

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.back + self.after


@dataclass(frozen=True, kw_only=True, slots=True)
class Second:
    """Of a run: users that were due in it, those of them answered in time, requests to the API, calls at the door."""

    users: int
    good: int
    attempts: int
    calls: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Storm:
    """One peer through one outage."""

    peer: str
    honour: bool
    """The clients honour `Retry-After`."""
    silent: bool
    """The dependency kept silent, instead of hanging up."""
    seconds: tuple[Second, ...]
    amplification: float
    """Calls at the dependency's door over users, in the outage."""
    attempts: float
    """Requests to the API over users, in the outage."""
    goodput: float
    """The share of users answered in time, of those due from `RECOVERY` seconds after the outage."""
    recovered: float | None
    """Seconds after the outage from which 95 % were answered in time in each second; None if that was never so."""


def storm(launcher: Launcher, cores: Cores, peer: Peer, plan: Plan, *, honour: bool, silent: bool) -> Storm:
    """A run on a server of its own."""
    if cores.load is not None:
        os.sched_setaffinity(0, {cores.load})

    async def main() -> tuple[Crowd, list[float], float]:
        door = Door()
        try:
            door.open()
            with _told(door.port), launcher.serving(peer) as server:
                await asyncio.to_thread(server.wait_until_ready, "/ready")
                crowd, began = Crowd(honour), perf_counter()
                async with asyncio.TaskGroup() as group:
                    group.create_task(crowd.come(server.port, rate=plan.rate, seconds=plan.seconds))
                    await asyncio.sleep(plan.before)
                    door.shut(silent=silent)
                    await asyncio.sleep(began + plan.back - perf_counter())
                    door.open()
                return crowd, door.calls, began
        finally:
            door.close()

    crowd, calls, began = asyncio.run(main())
    return counted(crowd, calls, began, plan, peer.name, silent)


def counted(crowd: Crowd, calls: Iterable[float], began: float, plan: Plan, peer: str, silent: bool) -> Storm:
    """What a run was, in figures."""
    good = [due for due, latency in crowd.good if latency <= OBJECTIVE]
    columns = [_by_second(times, began, ceil(plan.seconds)) for times in (crowd.due, good, crowd.attempts, calls)]
    seconds = [
        Second(users=users, good=good, attempts=attempts, calls=calls)
        for users, good, attempts, calls in zip(*columns, strict=True)
    ]
    outage = seconds[int(plan.before) : int(plan.back)]
    late = seconds[int(plan.back + RECOVERY) :]
    users = sum(second.users for second in outage)
    return Storm(
        peer=peer,
        honour=crowd.honour,
        silent=silent,
        seconds=tuple(seconds),
        amplification=sum(second.calls for second in outage) / users,
        attempts=sum(second.attempts for second in outage) / users,
        goodput=sum(second.good for second in late) / sum(second.users for second in late),
        recovered=_recovered(seconds[int(plan.back) :]),
    )


def _recovered(after: list[Second]) -> float | None:
    bad = [number for number, second in enumerate(after) if second.good < 0.95 * second.users]
    seconds = bad[-1] + 1 if bad else 0
    return seconds if seconds < len(after) else None


def _by_second(times: Iterable[float], began: float, length: int) -> list[int]:
    counts = [0] * length
    for time in times:
        if 0 <= time - began < length:
            counts[int(time - began)] += 1
    return counts


@contextmanager
def _told(port: int) -> Iterator[None]:
    """The servers' environment names the dependency's port."""
    environ[_VARIABLE] = str(port)
    try:
        yield
    finally:
        del environ[_VARIABLE]
