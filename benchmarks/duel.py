"""A few servers at the same work, in turns: for what only some peers have, such as a cache or a proxy.

A contender is a peer with the variables it is told its part by. All of a duel take turns, round after round, each with
a server of its own, warmed up; every answer is checked to be the same before anybody is measured. A verdict divides two
contenders' medians of requests for a second of the server's processor time: which for a core that is busy are those a
second, and which another program on the machine does not change.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from os import environ
from statistics import median

from benchmarks.bench import Bench
from benchmarks.cases import Case
from benchmarks.check import WrongAnswer, ask
from benchmarks.load import LoadFailed
from benchmarks.peers import Peer
from benchmarks.rounds import rotated
from benchmarks.server import Server, ServerFailed


class DuelFailed(Exception):
    """A contender did not start, or gave a wrong answer: figures would be worth nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Contender:
    """A peer at one part of a duel; `path` where it serves the case under another one."""

    title: str
    peer: Peer
    variables: Mapping[str, str] = field(default_factory=dict)
    path: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What is promised: `ours` makes at least `floor` times the requests of `theirs`, and should make `goal` times.

    `by` is the field of a figure that is divided.
    """

    ours: str
    theirs: str
    floor: float
    goal: float
    by: str = "per_processor_second"


@dataclass(frozen=True, kw_only=True, slots=True)
class Duel:
    """One case, who is measured at it, and what is promised."""

    case: Case
    body: bytes | None
    """What the answer has to be; None where each request has another, which is checked as it comes."""
    contenders: Sequence[Contender]
    verdicts: Sequence[Verdict]


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One measure, or the medians of several."""

    per_second: float
    per_processor_second: float
    p50_ms: float
    p99_ms: float


def fight(duel: Duel, bench: Bench) -> dict[str, Figure]:
    """The medians of every contender.

    Raises:
        DuelFailed: one of them cannot be measured.
    """
    found: dict[str, list[Figure]] = {contender.title: [] for contender in duel.contenders}
    for number in range(bench.rounds):
        for contender in rotated(duel.contenders, number):
            figure = _one(duel, contender, bench)
            found[contender.title].append(figure)
            print(f"  {line(contender.title, figure)}", flush=True)
    return {title: middle(figures) for title, figures in found.items()}


def middle(figures: Sequence[Figure]) -> Figure:
    """Each field's median."""
    return Figure(**{name: median(getattr(figure, name) for figure in figures) for name in Figure.__dataclass_fields__})


def line(title: str, figure: Figure) -> str:
    """A figure for people."""
    return (
        f"{title:42} {figure.per_second:9,.0f}/s {figure.per_processor_second:9,.0f} a processor second"
        f"   p50 {figure.p50_ms:.2f} ms   p99 {figure.p99_ms:.2f} ms"
    )


def judge(duel: Duel, medians: Mapping[str, Figure]) -> list[tuple[Verdict, float]]:
    """Each verdict with the ratio that was measured."""
    return [
        (verdict, getattr(medians[verdict.ours], verdict.by) / getattr(medians[verdict.theirs], verdict.by))
        for verdict in duel.verdicts
    ]


def _one(duel: Duel, contender: Contender, bench: Bench) -> Figure:
    case = duel.case if not contender.path else _moved(duel.case, contender.path)
    try:
        with told(contender.variables), bench.launcher.serving(contender.peer) as server:
            server.wait_until_ready(case.path.replace("%d", "1"))
            if duel.body is not None:
                _check(case, duel.body, server)
            bench.warm_up(case, server)
            load, used = bench.load(case, server, bench.seconds)
    except (ServerFailed, WrongAnswer, LoadFailed) as error:
        raise DuelFailed(f"{contender.title}: {error}") from error
    if faults := load.faults(case):
        raise DuelFailed(f"{contender.title}: {', '.join(faults)}")
    return Figure(
        per_second=load.per_second,
        per_processor_second=load.requests / used,
        p50_ms=load.p50_ms,
        p99_ms=load.p99_ms,
    )


def _moved(case: Case, path: str) -> Case:
    return Case(letter=case.letter, title=case.title, path=path, status=case.status)


def _check(case: Case, body: bytes, server: Server) -> None:
    for _ in range(3):  # a miss, and two hits where there is a cache
        status, _, found = ask(server.port, "GET", case.path)
        if status != case.status or found != body:
            raise WrongAnswer(f"GET {case.path} gave {status} and {found[:60]!r}, {body[:60]!r} wanted")


@contextmanager
def told(variables: Mapping[str, str]) -> Iterator[None]:
    """These environment variables are set meanwhile."""
    before = {name: environ.get(name) for name in variables}
    environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            environ.pop(name) if value is None else environ.__setitem__(name, value)
