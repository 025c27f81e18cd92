"""What a run found: single measures, the figures made of them, and the whole report. No I/O here."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from benchmarks.cases import IDLE, STARTUP


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """One peer, one case, one round under load. With `faults` it has no value, however fast it was."""

    peer: str
    case: str
    round: int
    per_second: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    busy: float = 0.0
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """The medians of one peer and case over all rounds.

    `busy` is the share of its core that the server used: well below 1, wrk or other programs were the limit,
    and the server can do more than the figure says. `per_core_second` is what it answered for each second of
    processor time, which other programs disturb far less than requests a second. `runs` are the rounds'
    requests a second, in order; `spread` is their range as a share of the median.
    """

    peer: str
    case: str
    per_second: float
    p50_ms: float
    p99_ms: float
    busy: float
    per_core_second: float
    spread: float
    runs: tuple[float, ...]
    faults: tuple[str, ...]

    @property
    def valid(self) -> bool:
        """Whether the figure may be compared: no round had a fault."""
        return not self.faults


@dataclass(frozen=True, kw_only=True, slots=True)
class IdleFigure:
    """Case (e): what `connections` idle connections cost a server, and a busy client beside them.

    `p99_alone_ms` is the same busy client before the connections were opened.
    """

    peer: str
    connections: int
    kib_per_connection: float = 0.0
    p99_alone_ms: float = 0.0
    p99_ms: float = 0.0
    faults: tuple[str, ...] = ()

    @property
    def valid(self) -> bool:
        """Whether the figure may be compared."""
        return not self.faults


@dataclass(frozen=True, kw_only=True, slots=True)
class StartFigure:
    """Case (f): medians in milliseconds. Import time is beyond that of the bare interpreter."""

    peer: str
    import_ms: float = 0.0
    first_answer_ms: float = 0.0
    faults: tuple[str, ...] = ()

    @property
    def valid(self) -> bool:
        """Whether the figure may be compared."""
        return not self.faults


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How one floor came out; `value` None when it was not measured."""

    case: str
    title: str
    value: float | None
    unit: str
    floor: float
    goal: float
    verdict: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """All of one run, ready to be shown. `titles` and `versions` go by peer; `notes` are the tables' foot."""

    date: str
    machine: Mapping[str, str]
    settings: Mapping[str, int]
    titles: Mapping[str, str]
    versions: Mapping[str, Mapping[str, str]]
    left_out: Mapping[str, str]
    loads: tuple[Figure, ...]
    idle: tuple[IdleFigure, ...]
    startup: tuple[StartFigure, ...]
    floors: tuple[Outcome, ...]
    notes: tuple[str, ...]

    def of_case(self, case: str) -> list[Figure]:
        """The figures of a case under load, the fastest first and the invalid last."""
        found = [figure for figure in self.loads if figure.case == case]
        return sorted(found, key=lambda figure: (not figure.valid, -figure.per_second))

    def every(self) -> list[tuple[str, Figure | IdleFigure | StartFigure]]:
        """All figures of all cases, each with its case's letter."""
        loads = [(figure.case, figure) for figure in self.loads]
        idle = [(IDLE, figure) for figure in self.idle]
        startup = [(STARTUP, figure) for figure in self.startup]
        return [*loads, *idle, *startup]

    def as_json(self) -> dict[str, Any]:
        """Plain values, with a format number that changes when a field changes its meaning."""
        return {"format": 1, **asdict(self)}


def figures(measures: Iterable[Measure]) -> tuple[Figure, ...]:
    """The medians by peer and case, in the order of first appearance; one faulty round spoils the figure."""
    grouped: dict[tuple[str, str], list[Measure]] = {}
    for measure in measures:
        grouped.setdefault((measure.peer, measure.case), []).append(measure)
    return tuple(_figure(peer, case, group) for (peer, case), group in grouped.items())


def ratio(ours: float, theirs: float) -> float | None:
    """`ours` over `theirs`, None where there is nothing to divide by."""
    return ours / theirs if theirs else None


def paired_ratio(ours: Figure, theirs: Figure) -> float | None:
    """The median of the rounds' own ratios.

    Where two figures were taken within seconds of each other in every round, this cancels the machine's drift
    between rounds, which a ratio of medians does not; case (c)'s floor leaves 5 % of room.
    """
    pairs = [mine / other for mine, other in zip(ours.runs, theirs.runs, strict=False) if other]
    return median(pairs) if pairs else None


def _figure(peer: str, case: str, group: list[Measure]) -> Figure:
    group = sorted(group, key=lambda measure: measure.round)
    runs = tuple(measure.per_second for measure in group)
    middle = median(runs)
    faults = [f"round {measure.round}: {fault}" for measure in group for fault in measure.faults]
    return Figure(
        peer=peer,
        case=case,
        per_second=middle,
        p50_ms=median(measure.p50_ms for measure in group),
        p99_ms=median(measure.p99_ms for measure in group),
        busy=median(measure.busy for measure in group),
        per_core_second=median(measure.per_second / measure.busy if measure.busy else 0.0 for measure in group),
        spread=(max(runs) - min(runs)) / middle if middle else 0.0,
        runs=runs,
        faults=tuple(faults),
    )
