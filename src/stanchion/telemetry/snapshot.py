"""What the board says at an instant, as values: the source of metrics, of status pages and of the recycling rules."""

from collections.abc import Sequence

from msgspec import Struct

from stanchion.board import Board, Counter, Gauge, Row
from stanchion.board.layout import HISTOGRAM, MICROSECONDS, OUTCOMES, ROW_HEAD, TALLY
from stanchion.telemetry.tallies import GAUGES

_SECOND = 1e9  # nanoseconds


class Instant(Struct, frozen=True, kw_only=True):
    """The two clocks a board's gauges are set by, read together; nanoseconds."""

    unix: int
    """`time.time_ns()`"""
    monotonic: int
    """`time.monotonic_ns()`, which is the same clock in every process of a machine."""


class Worker(Struct, frozen=True, kw_only=True):
    """One process; durations in seconds."""

    seat: int
    slot: int
    pid: int
    state: int
    age: float
    requests: int
    """Answered or given up by this process, not by its predecessors."""
    in_flight: int
    connections: int
    limit: int = 0
    """Requests that admission lets be in flight; 0 without admission."""
    admitted: int = 0
    """Requests in flight that count against it."""
    waiting: int = 0
    """Requests that wait to be admitted."""
    threads_busy: int = 0
    processes_busy: int = 0
    pool_waiting: int = 0
    """Calls that wait for a thread or a process."""
    cache_bytes: int = 0
    """Held by the memory tier of its caches."""
    loop_lag: float
    """How late the event loop is now: at its last tick, or because the next tick is overdue by more."""
    rss: int
    """Bytes."""
    beat_age: float
    """Since it last showed that it lives; 0 if it has not begun to."""


class Counters(Struct, frozen=True, kw_only=True):
    """The counters of `stanchion.board.Counter`, summed over all workers there have been."""

    tasks_begun: int
    tasks_ended: int
    accepted: int
    refused: int
    handed_over: int
    taken_over: int
    received: int
    sent: int
    gc_pauses: int
    gc_pause_ns: int
    log_lines: int
    log_dropped: int
    queued: int = 0
    shed_critical_waited: int = 0
    shed_critical_expired: int = 0
    shed_critical_crowded: int = 0
    shed_normal_waited: int = 0
    shed_normal_expired: int = 0
    shed_normal_crowded: int = 0
    shed_background_waited: int = 0
    shed_background_expired: int = 0
    shed_background_crowded: int = 0
    bulkhead_refused: int = 0
    pool_done: int = 0
    pool_refused: int = 0
    pool_crashed: int = 0
    dependency_calls: int = 0
    dependency_refused: int = 0
    retries: int = 0
    retries_denied: int = 0
    loop_blocked: int = 0


class Series(Struct, frozen=True, kw_only=True):
    """The requests of one method and route."""

    method: str
    """Empty for those of no route, which `route` then tells by a word in parentheses."""
    route: str
    outcomes: list[int]
    """How they ended: 0, the client left before the answer; 1 to 5, the class of the status."""
    microseconds: int
    """Of all of them together."""
    buckets: list[int]
    """Counts by duration, see `telemetry.histogram`."""


class Tally(Struct, frozen=True, kw_only=True):
    """Eight counters of a thing that has a name, such as a rate limit; `telemetry.tallies` says what they mean."""

    kind: str
    name: str
    cells: list[int]


class Snapshot(Struct, frozen=True, kw_only=True):
    """A board at an instant. `series` are those that have had a request."""

    at: Instant
    workers: list[Worker]
    counters: Counters
    series: list[Series]
    tallies: list[Tally] = []
    """In order of their first appearance; those beyond the board's room are counted as one, without a kind."""


def read(board: Board, at: Instant, *, interval: float = 1.0) -> Snapshot:
    """Read a board as of `at`; `interval` is that of the event loops' ticks in seconds.

    Workers go on meanwhile: what belongs together may differ by the few requests that ended in between, and totals
    never go back from one snapshot to the next.
    """
    names, tallies = board.series.names(), board.tallies.names()
    totals = board.totals()
    return Snapshot(
        at=at,
        workers=workers(board, at, interval=interval),
        counters=Counters(**{c.name.lower(): value for c, value in zip(Counter, totals.counters, strict=True)}),
        # names may have come in between: the shorter list ends it
        series=[_series(name, block) for name, block in zip(names, totals.series, strict=False) if any(block)],
        tallies=[
            Tally(kind=kind, name=name, cells=_living(board, index) if kind in GAUGES else cells)
            for index, ((kind, name), cells) in enumerate(zip(tallies, totals.tallies, strict=False))
            if kind or any(cells)
        ],
    )


def _living(board: Board, index: int) -> list[int]:
    """A tally's sum over the workers there are; the row of one that has gone is all zeros."""
    base = board.tally_base(index)
    rows = [board.row(seat).cells for seat in range(board.seats)]
    return [sum(row[cell] for row in rows) for cell in range(base, base + TALLY)]


def workers(board: Board, at: Instant, *, interval: float = 1.0) -> list[Worker]:
    """The processes alone, which is cheaper: no totals are summed."""
    taken = [row for row in map(board.row, range(board.seats)) if row.cells[Gauge.PID]]
    bases = [board.series_base(index) for index in range(len(board.series))] if taken else []
    return [_worker(row, bases, at, interval) for row in taken]


def _worker(row: Row, bases: Sequence[int], at: Instant, interval: float) -> Worker:
    head = row.cells[:ROW_HEAD].tolist()
    begun, ended = head[Counter.TASKS_BEGUN], head[Counter.TASKS_ENDED]
    overdue = _since(head[Gauge.LOOP_TICK], at.monotonic) - interval
    return Worker(
        seat=row.seat,
        slot=head[Gauge.SLOT],
        pid=head[Gauge.PID],
        state=head[Gauge.STATE],
        age=_since(head[Gauge.STARTED], at.unix),
        requests=sum(sum(row.cells[base : base + OUTCOMES].tolist()) for base in bases),
        in_flight=max(0, begun - ended),  # `ended` was read a moment later
        connections=head[Gauge.CONNECTIONS],
        limit=head[Gauge.LIMIT],
        admitted=head[Gauge.ADMITTED],
        waiting=head[Gauge.WAITING],
        threads_busy=head[Gauge.THREADS_BUSY],
        processes_busy=head[Gauge.PROCESSES_BUSY],
        pool_waiting=head[Gauge.POOL_WAITING],
        cache_bytes=head[Gauge.CACHE_BYTES],
        loop_lag=max(head[Gauge.LOOP_LAG] / _SECOND, overdue),
        rss=head[Gauge.RSS],
        beat_age=_since(head[Gauge.BEAT], at.monotonic),
    )


def _since(then: int, now: int) -> float:
    """Seconds; 0 for what has not happened yet, or after `now` was read."""
    return max(0, now - then) / _SECOND if then else 0.0


def _series(name: tuple[str, str], block: list[int]) -> Series:
    method, route = name
    return Series(
        method=method,
        route=route,
        outcomes=block[:OUTCOMES],
        microseconds=block[MICROSECONDS],
        buckets=block[HISTOGRAM:],
    )
