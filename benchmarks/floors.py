"""What Stanchion must reach beside its peers: declared once, judged here, printed with every run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.peers import BY_NAME, Kind
from benchmarks.results import Figure, IdleFigure, Outcome, StartFigure, paired_ratio, ratio

OURS = "stanchion"
GUEST = "fastapi-stanchion"
BEST_PYTHON = "best python"
TIMES = "\N{MULTIPLICATION SIGN}"
GOAL, MET, MISSED, UNKNOWN = "goal reached", "met", "missed", "not measured"


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A run's figures, as the floors look them up."""

    loads: Sequence[Figure]
    idle: Sequence[IdleFigure] = ()
    startup: Sequence[StartFigure] = ()

    def load(self, peer: str, case: str) -> Figure | None:
        """A valid figure under load, or None."""
        return next((f for f in self.loads if f.peer == peer and f.case == case and f.valid), None)

    def best_python(self, case: str) -> Figure | None:
        """The fastest valid figure of a Python framework that is not Stanchion."""
        others = [
            figure
            for figure in self.loads
            if figure.case == case and figure.valid and BY_NAME[figure.peer].kind is Kind.PYTHON
        ]
        return max(others, key=lambda figure: figure.per_second, default=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Floor:
    """One promise. `value` finds the measured number, None when this run cannot tell.

    A ratio must be at least `floor`; a cost (`at_most`) must not be above it.
    """

    case: str
    title: str
    floor: float
    goal: float
    value: Callable[[Found], float | None]
    unit: str = TIMES
    at_most: bool = False


def against(peer: str, case: str, mine: str = OURS) -> Callable[[Found], float | None]:
    """Requests a second of `mine` over a peer's, medians of the same run."""

    def value(found: Found) -> float | None:
        ours = found.load(mine, case)
        theirs = found.best_python(case) if peer == BEST_PYTHON else found.load(peer, case)
        return ratio(ours.per_second, theirs.per_second) if ours and theirs else None

    return value


def _many_routes(found: Found) -> float | None:
    many, one = found.load(OURS, "c"), found.load(OURS, "a")
    return paired_ratio(many, one) if many and one else None


def _idle_memory(found: Found) -> float | None:
    return next((f.kib_per_connection for f in found.idle if f.peer == OURS and f.valid), None)


def _import_time(found: Found) -> float | None:
    return next((f.import_ms for f in found.startup if f.peer == OURS and f.valid), None)


def _first_answer(found: Found) -> float | None:
    return next((f.first_answer_ms for f in found.startup if f.peer == OURS and f.valid), None)


FLOORS = (
    Floor(case="a", title="against Fastify", floor=0.85, goal=1.1, value=against("fastify", "a")),
    Floor(case="a", title="against Express", floor=5, goal=7, value=against("express", "a")),
    Floor(case="a", title="against FastAPI", floor=5, goal=7, value=against("fastapi", "a")),
    Floor(
        case="a",
        title="against the best other Python framework",
        floor=1.6,
        goal=2,
        value=against(BEST_PYTHON, "a"),
    ),
    Floor(case="a", title="FastAPI here against uvicorn", floor=1, goal=1.2, value=against("fastapi", "a", GUEST)),
    Floor(case="a", title="against nginx", floor=0.45, goal=0.6, value=against("nginx", "a")),
    Floor(case="b", title="against Fastify", floor=0.9, goal=1.3, value=against("fastify", "b")),
    Floor(case="b", title="against FastAPI", floor=6, goal=10, value=against("fastapi", "b")),
    Floor(case="c", title="against its own (a)", floor=0.95, goal=0.99, value=_many_routes),
    Floor(
        case="e",
        title="memory a connection",
        floor=7.5,
        goal=4,
        value=_idle_memory,
        unit=" KiB",
        at_most=True,
    ),
    Floor(case="f", title="import", floor=250, goal=100, value=_import_time, unit=" ms", at_most=True),
    Floor(case="f", title="first answer", floor=800, goal=300, value=_first_answer, unit=" ms", at_most=True),
)


def judge(found: Found, letters: str) -> tuple[Outcome, ...]:
    """How each floor of the chosen cases came out."""
    return tuple(_outcome(floor, floor.value(found)) for floor in FLOORS if floor.case in letters)


def failed(outcomes: Sequence[Outcome], faulty: Sequence[str]) -> bool:
    """Whether `--check` must fail: a floor was missed, or Stanchion's own figure of a case is `faulty`.

    A floor whose peer could not be had is said to be not measured, and fails nothing.
    """
    return bool(faulty) or any(outcome.verdict == MISSED for outcome in outcomes)


def _outcome(floor: Floor, value: float | None) -> Outcome:
    return Outcome(
        case=floor.case,
        title=floor.title,
        value=value,
        unit=floor.unit,
        floor=floor.floor,
        goal=floor.goal,
        verdict=_verdict(floor, value),
    )


def _verdict(floor: Floor, value: float | None) -> str:
    if value is None:
        return UNKNOWN
    sign = -1 if floor.at_most else 1
    if sign * value >= sign * floor.goal:
        return GOAL
    return MET if sign * value >= sign * floor.floor else MISSED
