"""A snapshot as a page of metrics: Prometheus' text format 0.0.4, or OpenMetrics 1.0 for who asks for it.

Names and units follow Prometheus' conventions: seconds and bytes, `_total` on counters. The two formats differ in that
OpenMetrics names a counter's family without `_total`, states units, has a type for what a build is, and ends with a
line of its own.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum

from msgspec import Struct

from stanchion.telemetry.database_families import databases
from stanchion.telemetry.page import Page, outcomes, totals
from stanchion.telemetry.snapshot import Counters, Series, Snapshot, Tally, Worker
from stanchion.telemetry.tallies import (
    BULKHEAD,
    CACHE,
    CACHE_TIER,
    DEPENDENCY,
    LIMIT,
    POOL,
    TRACES,
    BulkheadCell,
    CacheCell,
    DependencyCell,
    LimitCell,
    PoolCell,
    TraceCell,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

PRIORITIES = ("critical", "normal", "background")
REASONS = ("waited", "expired", "crowded")
"""Those of `limits.admission_queue`, beside which this layer is; a test holds them together."""

_STATUSES = ("client-left", "1xx", "2xx", "3xx", "4xx", "5xx")

_COUNTERS = (
    ("http_connections_accepted", "accepted", "Connections taken."),
    ("http_connections_refused", "refused", "Connections turned away."),
    ("http_connections_handed_over", "handed_over", "Connections passed on to another worker."),
    ("http_received_bytes", "received", "Bytes from clients."),
    ("http_sent_bytes", "sent", "Bytes to clients."),
    ("gc_pauses", "gc_pauses", "Collections of garbage."),
    ("gc_pause_seconds", "gc_pause_ns", "Time that collections of garbage took."),
    ("log_lines", "log_lines", "Log lines written."),
    ("admission_queued", "queued", "Requests that had to wait for admission."),
    ("bulkhead_refused", "bulkhead_refused", "Requests turned away because their route or group was full."),
    ("pool_calls", "pool_done", "Calls that threads and processes have finished."),
    ("pool_refused", "pool_refused", "Calls turned away because too many waited for a thread or process."),
    ("pool_crashed", "pool_crashed", "Processes that died at work, or were killed at a deadline."),
    ("dependency_calls", "dependency_calls", "Attempts of calls to dependencies."),
    ("dependency_refused", "dependency_refused", "Calls to dependencies that a breaker kept back."),
    ("dependency_retries", "retries", "Attempts after the first."),
    ("dependency_retries_denied", "retries_denied", "Retries there was no budget for."),
    ("loop_blocked", "loop_blocked", "Times that one call held the event loop for too long."),
    ("log_lines_dropped", "log_dropped", "Log lines given up because their reader was too slow."),
)

_WORKER_SUMS = (
    ("admission_limit", "limit", "Requests that admission lets be in flight, of all workers together."),
    ("admission_in_flight", "admitted", "Requests in flight that count against the limit."),
    ("admission_waiting", "waiting", "Requests that wait to be admitted."),
    ("threads_busy", "threads_busy", "Threads at work."),
    ("processes_busy", "processes_busy", "Processes at work."),
    ("pool_waiting", "pool_waiting", "Calls that wait for a thread or a process."),
)


_LIMIT_OUTCOMES = {cell.name.lower(): cell for cell in (LimitCell.ALLOWED, LimitCell.REFUSED, LimitCell.QUEUED)}
_LIMIT_COUNTERS = (
    ("limit_store_failures", LimitCell.STORE_FAILED, "Requests that a limit's store could not decide on."),
    ("limit_clients_forgotten", LimitCell.FORGOTTEN, "Clients whose state had to make room for another's."),
    ("limit_tokens_leased", LimitCell.LEASED, "Tokens that workers have taken from a store in advance."),
    ("limit_tokens_settled", LimitCell.SETTLED, "Tokens taken in advance that were spent or given back."),
)

_CACHE_OUTCOMES = {
    "hit": CacheCell.HITS,
    "stale": CacheCell.STALE,
    "miss": CacheCell.MISSES,
    "coalesced": CacheCell.COALESCED,
}
_CACHE_COUNTERS = (
    ("cache_revalidated", CacheCell.REVALIDATED, "Entries that the origin said are still good."),
    ("cache_stored", CacheCell.STORED, "Answers that were stored."),
    ("cache_origin_failures", CacheCell.FAILED, "Calls of a cache's origin that failed."),
)
_TIER_OUTCOMES = {"hit": CacheCell.HITS, "miss": CacheCell.MISSES}
_TIER_COUNTERS = (
    ("cache_tier_stored", CacheCell.STORED, "Entries that were stored in a tier."),
    ("cache_tier_evicted", CacheCell.EVICTED, "Entries that had to make room for others."),
    ("cache_tier_failures", CacheCell.FAILED, "Calls of a tier that failed, or were kept back because others had."),
)

_DECISIONS: tuple[tuple[str, type[IntEnum], str], ...] = (
    (BULKHEAD, BulkheadCell, "Requests that met a bulkhead, by what became of them."),
    (DEPENDENCY, DependencyCell, "Calls to a dependency, by what became of them and of their attempts."),
    (POOL, PoolCell, "Calls that were given to a pool, by what became of them."),
)
"""Each a family `<kind>_decisions`, with a label of the kind's name."""


class Supervision(Struct, frozen=True, kw_only=True):
    """What the supervisor knows and the board does not."""

    workers: Mapping[str, int]
    """How many there are, by state."""
    restarts: Mapping[str, int]
    """How many were replaced since the start, by reason."""
    wanted: int
    """Workers there should be."""
    ready: bool
    """What /readyz answers."""
    started: float
    """Unix time in seconds."""
    version: str
    memory_limit: int | None = None
    """Bytes that the processes may use together; None without a limit."""
    cache_machine: int | None = None
    """Bytes of the cache tier that the workers share; None where there is none."""


def render(snapshot: Snapshot, extra: Supervision, *, openmetrics: bool) -> bytes:
    """The page, UTF-8; its type is `CONTENT_TYPE` or `OPENMETRICS_TYPE`."""
    page = Page(openmetrics)
    _requests(page, snapshot.series)
    _connections(page, snapshot.workers)
    _counters(page, snapshot.counters)
    _limits(page, [tally for tally in snapshot.tallies if tally.kind == LIMIT])
    _caches(page, [tally for tally in snapshot.tallies if tally.kind == CACHE])
    _tiers(page, [tally for tally in snapshot.tallies if tally.kind == CACHE_TIER], snapshot.workers, extra)
    for kind, cells, about in _DECISIONS:
        _decisions(page, [tally for tally in snapshot.tallies if tally.kind == kind], cells, about)
    databases(page, snapshot.tallies)
    _traces(page, [tally for tally in snapshot.tallies if tally.kind == TRACES])
    _admission(page, snapshot)
    _workers(page, snapshot.workers)
    _supervision(page, extra)
    if openmetrics:
        page.lines.append("# EOF")
    return "\n".join([*page.lines, ""]).encode()


def _requests(page: Page, series: Iterable[Series]) -> None:
    page.family("http_requests", "counter", "Requests answered, and those whose client left before.")
    for one in series:
        # those that are 0 as well: an alert on the share of 5xx needs a number before the first of them
        for status, count in zip(_STATUSES, one.outcomes, strict=True):
            page.sample(count, method=one.method, route=one.route, status=status)
    page.family("http_request_duration_seconds", "histogram", "Time from a request's head to its answer.")
    for one in series:
        page.histogram(one)


def _connections(page: Page, workers: Iterable[Worker]) -> None:
    page.family("http_requests_in_flight", "gauge", "Requests being answered.")
    page.sample(sum(worker.in_flight for worker in workers))
    page.family("http_connections", "gauge", "Open connections.")
    page.sample(sum(worker.connections for worker in workers))


def _counters(page: Page, counters: Counters) -> None:
    for name, field, about in _COUNTERS:
        value = getattr(counters, field)
        page.family(name, "counter", about)
        page.sample(value / 1e9 if field.endswith("_ns") else value)


def _limits(page: Page, limits: Sequence[Tally]) -> None:
    if limits:
        page.family("limit_decisions", "counter", "Requests that met a rate limit, by what became of them.")
        outcomes(page, "limit", limits, _LIMIT_OUTCOMES)
        totals(page, "limit", limits, _LIMIT_COUNTERS)


def _caches(page: Page, caches: Sequence[Tally]) -> None:
    if caches:
        page.family("cache_lookups", "counter", "What was asked of a cache, by how it was answered.")
        outcomes(page, "cache", caches, _CACHE_OUTCOMES)
        totals(page, "cache", caches, _CACHE_COUNTERS)


def _tiers(page: Page, tiers: Sequence[Tally], workers: Iterable[Worker], extra: Supervision) -> None:
    if not tiers:
        return
    page.family("cache_tier_lookups", "counter", "What was asked of a tier of the caches, by whether it was there.")
    outcomes(page, "tier", tiers, _TIER_OUTCOMES)
    totals(page, "tier", tiers, _TIER_COUNTERS)
    page.family("cache_tier_bytes", "gauge", "Memory that entries take: of all workers, or of the tier they share.")
    page.sample(sum(worker.cache_bytes for worker in workers), tier="memory")
    if extra.cache_machine is not None:
        page.sample(extra.cache_machine, tier="machine")


def _decisions(page: Page, tallies: Sequence[Tally], cells: type[IntEnum], about: str) -> None:
    if tallies:
        kind = tallies[0].kind
        page.family(f"{kind}_decisions", "counter", about)
        outcomes(page, kind, tallies, {cell.name.lower(): cell for cell in cells})


def _traces(page: Page, tallies: Sequence[Tally]) -> None:
    for tally in tallies:  # one, where there is a collector
        page.family("spans", "counter", "Spans of traces, by what became of them.")
        for cell in TraceCell:
            page.sample(tally.cells[cell], outcome=cell.name.lower())


def _admission(page: Page, snapshot: Snapshot) -> None:
    page.family("admission_shed", "counter", "Requests turned away by admission, by priority and reason.")
    for priority in PRIORITIES:
        for reason in REASONS:
            count = getattr(snapshot.counters, f"shed_{priority}_{reason}")
            page.sample(count, priority=priority, reason=reason)
    for name, field, about in _WORKER_SUMS:
        page.family(name, "gauge", about)
        page.sample(sum(getattr(worker, field) for worker in snapshot.workers))


def _workers(page: Page, workers: Iterable[Worker]) -> None:
    """By slot, which unlike a process id has few values; two workers in one slot are told as one."""
    slots = defaultdict(list)
    for worker in workers:
        slots[worker.slot].append(worker)
    page.family("worker_loop_lag_seconds", "gauge", "How late the event loop is; the later of two that share a slot.")
    for slot, sharing in sorted(slots.items()):
        page.sample(max(worker.loop_lag for worker in sharing), slot=str(slot))
    page.family("worker_resident_memory_bytes", "gauge", "Resident memory.")
    for slot, sharing in sorted(slots.items()):
        page.sample(sum(worker.rss for worker in sharing), slot=str(slot))
    page.family("worker_requests_in_flight", "gauge", "Requests being answered, by worker.")
    for slot, sharing in sorted(slots.items()):
        page.sample(sum(worker.in_flight for worker in sharing), slot=str(slot))


def _supervision(page: Page, extra: Supervision) -> None:
    page.family("workers", "gauge", "Worker processes, by state.")
    for state, count in sorted(extra.workers.items()):
        page.sample(count, state=state)
    page.family("workers_wanted", "gauge", "Worker processes there should be.")
    page.sample(extra.wanted)
    page.family("worker_restarts", "counter", "Workers replaced, by reason.")
    for reason, count in sorted(extra.restarts.items()):
        page.sample(count, reason=reason)
    if extra.memory_limit is not None:
        page.family("memory_limit_bytes", "gauge", "Memory at which the container's processes are killed.")
        page.sample(extra.memory_limit)
    page.family("ready", "gauge", "1 if the server takes requests, else 0.")
    page.sample(int(extra.ready))
    page.family("start_time_seconds", "gauge", "When the server started, in Unix time.")
    page.sample(extra.started)
    page.family("build", "info", "The version of Stanchion.")
    page.sample(1, version=extra.version)
