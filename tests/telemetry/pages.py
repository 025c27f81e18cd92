"""Snapshots to make pages of, and a reader of such pages that is strict about what both formats share."""

import re

from hypothesis import strategies as st

from stanchion.board.layout import BUCKETS
from stanchion.telemetry.exposition import Supervision
from stanchion.telemetry.snapshot import Counters, Instant, Series, Snapshot, Worker

_NAME = r"[a-zA-Z_][a-zA-Z0-9_]*"
_LABEL = rf'{_NAME}="(?:[^"\\\n]|\\["\\n])*"'
_SAMPLE = re.compile(rf"({_NAME})(?:\{{({_LABEL}(?:,{_LABEL})*)\}})? (\S+)")
_PAIR = re.compile(rf'({_NAME})="((?:[^"\\\n]|\\["\\n])*)"')
_UNESCAPED = {r"\\": "\\", r"\"": '"', r"\n": "\n"}

Labels = frozenset[tuple[str, str]]
Samples = dict[tuple[str, Labels], float]

EXTRA = Supervision(
    workers={"serving": 2, "draining": 1},
    restarts={"crashed": 1, "reload": 4},
    wanted=2,
    ready=True,
    started=1785600000.25,
    version="0.1.0",
)


def worker(**changes: float) -> Worker:
    """A worker in slot 0, but for what is given."""
    values = dict.fromkeys(Worker.__struct_fields__, 0)
    return Worker(**{**values, **changes})  # type: ignore[arg-type]


def snapshot(series: list[Series], workers: list[Worker] | None = None, **counters: int) -> Snapshot:
    """A snapshot with the counters given and the others at 0."""
    values = {**dict.fromkeys(Counters.__struct_fields__, 0), **counters}
    return Snapshot(at=Instant(unix=0, monotonic=0), workers=workers or [], counters=Counters(**values), series=series)


def one_series(method: str, route: str, microseconds: int = 1500) -> Series:
    """A series with one request, answered 200."""
    buckets = [0] * BUCKETS
    buckets[40] = 1
    return Series(method=method, route=route, outcomes=[0, 0, 1, 0, 0, 0], microseconds=microseconds, buckets=buckets)


counts = st.integers(0, 2**40)
series = st.builds(
    Series,
    method=st.sampled_from(["GET", "POST", ""]),
    route=st.text(max_size=30),
    outcomes=st.lists(counts, min_size=6, max_size=6),
    microseconds=counts,
    buckets=st.lists(counts, min_size=BUCKETS, max_size=BUCKETS),
)
named_series = st.lists(series, max_size=4, unique_by=lambda one: (one.method, one.route))


def parse(page: bytes) -> Samples:
    """A page's samples by name and labels; AssertionError where a line is malformed or told twice."""
    samples: Samples = {}
    text = page.decode()
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        if line.startswith("# "):
            continue
        match = _SAMPLE.fullmatch(line)
        assert match, line
        name, labels, value = match.groups()
        pairs = [(key, _plain(raw)) for key, raw in _PAIR.findall(labels or "")]
        key = name, frozenset(pairs)
        assert key not in samples, line
        samples[key] = float(value)
    return samples


def _plain(raw: str) -> str:
    return re.sub(r'\\["\\n]', lambda match: _UNESCAPED[match[0]], raw)


def families(page: bytes) -> list[tuple[str, str, list[str]]]:
    """Name, type and sample names of each family, in order."""
    found: list[tuple[str, str, list[str]]] = []
    for line in page.decode().split("\n"):
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            found.append((name, kind, []))
        elif line and not line.startswith("#"):
            found[-1][2].append(re.split(r"[{ ]", line, maxsplit=1)[0])
    return found
