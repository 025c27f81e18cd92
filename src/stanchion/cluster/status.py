"""What a server is doing, in one document: /status.json and `stanchion ps`."""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from time import monotonic, monotonic_ns, time_ns

from msgspec import Struct

from stanchion.board import Board
from stanchion.cluster.beat import TICK_SECONDS
from stanchion.cluster.fleet import Fleet
from stanchion.cluster.states import NAMES
from stanchion.telemetry.histogram import quantile
from stanchion.telemetry.snapshot import Counters, Instant, Series, Snapshot, read
from stanchion.telemetry.tallies import (
    BULKHEAD,
    CACHE,
    CACHE_TIER,
    DATABASE,
    DATABASE_POOL,
    DEPENDENCY,
    LIMIT,
    POOL,
    REPLICATION,
    STATEMENT,
    BulkheadCell,
    CacheCell,
    DatabaseCell,
    DatabasePoolCell,
    DependencyCell,
    LimitCell,
    PoolCell,
    ReplicationCell,
    StatementCell,
)


class WorkerStatus(Struct, frozen=True, kw_only=True):
    """One worker process."""

    slot: int
    pid: int
    state: str
    """`starting`, `serving` or `draining`."""
    age: float
    """Seconds."""
    requests: int
    """Answered or given up by this process."""
    in_flight: int
    connections: int
    limit: int
    """Requests that admission lets be in flight; 0 without admission."""
    admitted: int
    """Requests in flight that count against it."""
    waiting: int
    """Requests that wait to be admitted."""
    threads_busy: int
    processes_busy: int
    pool_waiting: int
    """Calls that wait for a thread or a process."""
    cache_bytes: int
    """Held by the memory tier of its caches."""
    loop_lag: float
    """Seconds the event loop is late."""
    rss: int
    """Bytes."""
    checks: Mapping[str, str]
    """Readiness checks by name; an empty text is a success."""


class RouteStatus(Struct, frozen=True, kw_only=True):
    """One method and route, over all workers there have been; durations in seconds."""

    method: str
    route: str
    requests: int
    client_left: int
    """Ended without a whole answer."""
    statuses: Mapping[str, int]
    """By class: `2xx`, …"""
    mean: float
    p50: float
    p99: float


class Check(Struct, frozen=True, kw_only=True):
    """One of the named checks of /readyz."""

    ok: bool
    detail: str


class Status(Struct, frozen=True, kw_only=True):
    """The whole server."""

    app: str
    version: str
    pid: int
    urls: Sequence[str]
    age: float
    """Seconds."""
    ready: bool
    checks: Mapping[str, Check]
    cpus: int
    """That the processes may use, the container's quota included: what `--workers auto` makes."""
    memory_limit: int | None
    """Bytes at which the kernel kills; None where there is no limit but the machine's."""
    wanted: int
    """Workers there should be."""
    workers: Sequence[WorkerStatus]
    waiting: Mapping[int, float]
    """Slots without a worker, each with the seconds until one is started."""
    restarts: Mapping[str, int]
    """Replaced workers by reason."""
    counters: Counters
    routes: Sequence[RouteStatus]
    limits: Mapping[str, Mapping[str, int]]
    """Rate limits by name, each with its counts by `telemetry.tallies.LimitCell`."""
    bulkheads: Mapping[str, Mapping[str, int]]
    """By name, each with its counts by `telemetry.tallies.BulkheadCell`."""
    dependencies: Mapping[str, Mapping[str, int]]
    """By name, each with its counts by `telemetry.tallies.DependencyCell`."""
    databases: Mapping[str, Mapping[str, int]]
    """By name, each with its counts by `telemetry.tallies.DatabaseCell`, and its connections, those in use and the
    statements that wait for one by `DatabasePoolCell`; with replicas those by `ReplicationCell` too."""
    statements: Sequence[Mapping[str, str | int]]
    """By database, verb and table, each with its counts by `telemetry.tallies.StatementCell`."""
    pools: Mapping[str, Mapping[str, int]]
    """`threads` and `processes`, each with its counts by `telemetry.tallies.PoolCell`."""
    caches: Mapping[str, Mapping[str, int]]
    """Caches by name, each with its counts by `telemetry.tallies.CacheCell`."""
    cache_tiers: Mapping[str, Mapping[str, int]]
    """Tiers of the caches by name, with the same counts."""
    cache_machine: int | None
    """Bytes of the tier that the workers share; None where there is none."""


def instant() -> Instant:
    """Now."""
    return Instant(unix=time_ns(), monotonic=monotonic_ns())


def snapshot(board: Board) -> Snapshot:
    """The board now."""
    return read(board, instant(), interval=TICK_SECONDS)


def readiness(fleet: Fleet) -> dict[str, Check]:
    """The named checks; the server is ready when all of them are ok."""
    serving, wanted = fleet.serving, len(fleet.wanted)
    checks = {
        "workers": Check(ok=bool(serving), detail=f"{len(serving)} of {wanted} serve"),
        "drain": Check(ok=not fleet.leaving, detail="stopping" if fleet.leaving else "not stopping"),
    }
    for name in sorted({name for process in serving for name in process.checks}):
        outcomes = [process.checks[name] for process in serving if name in process.checks]
        failures = [text for text in outcomes if text]
        passed = len(outcomes) - len(failures)
        detail = "; ".join([f"passes in {passed} of {len(outcomes)} workers", *sorted(set(failures))])
        checks[name] = Check(ok=passed > 0, detail=detail)
    return checks


def is_ready(checks: Mapping[str, Check]) -> bool:
    """Whether all of them are ok."""
    return all(check.ok for check in checks.values())


def workers(fleet: Fleet, shown: Snapshot) -> list[WorkerStatus]:
    """Every worker process, by slot."""
    checks = {process.pid: process.checks for process in fleet.processes}
    found = [
        WorkerStatus(
            slot=worker.slot,
            pid=worker.pid,
            state=NAMES[worker.state],
            age=worker.age,
            requests=worker.requests,
            in_flight=worker.in_flight,
            connections=worker.connections,
            limit=worker.limit,
            admitted=worker.admitted,
            waiting=worker.waiting,
            threads_busy=worker.threads_busy,
            processes_busy=worker.processes_busy,
            pool_waiting=worker.pool_waiting,
            cache_bytes=worker.cache_bytes,
            loop_lag=worker.loop_lag,
            rss=worker.rss,
            checks=checks.get(worker.pid, {}),
        )
        for worker in shown.workers
    ]
    return sorted(found, key=lambda worker: (worker.slot, worker.age))


def waiting(fleet: Fleet) -> dict[int, float]:
    """Slots without a worker, each with the seconds until one is started."""
    now = monotonic()
    return {
        slot.index: max(0.0, slot.restart_at - now)
        for slot in fleet.wanted
        if slot.restart_at is not None and not slot.served
    }


def limits(shown: Snapshot) -> dict[str, dict[str, int]]:
    """Every rate limit's counts, over all workers there have been."""
    return _counted(shown, LIMIT, LimitCell)


def bulkheads(shown: Snapshot) -> dict[str, dict[str, int]]:
    """Every bulkhead's counts, over all workers there have been."""
    return _counted(shown, BULKHEAD, BulkheadCell)


def dependencies(shown: Snapshot) -> dict[str, dict[str, int]]:
    """Every dependency's counts, over all workers there have been."""
    return _counted(shown, DEPENDENCY, DependencyCell)


def databases(shown: Snapshot) -> dict[str, dict[str, int]]:
    """Every database's counts, over all workers there have been, and its connections now."""
    pools = _counted(shown, DATABASE_POOL, DatabasePoolCell)
    replicas = _counted(shown, REPLICATION, ReplicationCell)
    return {
        name: counts | pools.get(name, {}) | replicas.get(name, {})
        for name, counts in _counted(shown, DATABASE, DatabaseCell).items()
    }


def statements(shown: Snapshot) -> list[dict[str, str | int]]:
    """Every verb's and table's counts, over all workers there have been; what took the most time first."""
    counted = _counted(shown, STATEMENT, StatementCell)
    found = sorted(counted.items(), key=lambda entry: entry[1]["microseconds"], reverse=True)
    return [
        dict(zip(("database", "verb", "table"), name.rsplit(" ", 2), strict=True)) | counts for name, counts in found
    ]


def pools(shown: Snapshot) -> dict[str, dict[str, int]]:
    """Those of the pools."""
    return _counted(shown, POOL, PoolCell)


def caches(shown: Snapshot) -> dict[str, dict[str, int]]:
    """Every cache's counts, over all workers there have been."""
    return _counted(shown, CACHE, CacheCell)


def cache_tiers(shown: Snapshot) -> dict[str, dict[str, int]]:
    """Those of the caches' tiers."""
    return _counted(shown, CACHE_TIER, CacheCell)


def _counted(shown: Snapshot, kind: str, cells: type[IntEnum]) -> dict[str, dict[str, int]]:
    return {
        tally.name: {cell.name.lower(): tally.cells[cell] for cell in cells}
        for tally in shown.tallies
        if tally.kind == kind
    }


def route(series: Series) -> RouteStatus:
    """A series in a person's terms."""
    left, *classes = series.outcomes
    count = sum(series.outcomes)
    return RouteStatus(
        method=series.method,
        route=series.route,
        requests=count,
        client_left=left,
        statuses={f"{number}xx": amount for number, amount in enumerate(classes, start=1) if amount},
        mean=series.microseconds / count / 1e6,
        p50=(quantile(series.buckets, 0.5) or 0.0) / 1e6,
        p99=(quantile(series.buckets, 0.99) or 0.0) / 1e6,
    )
