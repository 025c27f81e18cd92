"""The page of metrics: what it says, in either format."""

from enum import IntEnum

import msgspec
import pytest
from hypothesis import given, settings

from stanchion.board.layout import BUCKETS
from stanchion.limits import admission_queue
from stanchion.telemetry.exposition import PRIORITIES, REASONS, render
from stanchion.telemetry.histogram import lower_bound
from stanchion.telemetry.snapshot import Series, Tally
from stanchion.telemetry.tallies import (
    BULKHEAD,
    CACHE,
    CACHE_TIER,
    DEPENDENCY,
    POOL,
    BulkheadCell,
    DependencyCell,
    PoolCell,
)
from tests.telemetry.pages import EXTRA, families, named_series, one_series, parse, snapshot, worker

SUFFIXES = {"counter": [""], "gauge": [""], "info": ["_info"], "histogram": ["_bucket", "_sum", "_count"]}


def value(page: bytes, name: str, **labels: str) -> float:
    return parse(page)[f"stanchion_{name}", frozenset(labels.items())]


@pytest.fixture(params=[False, True], ids=["text", "openmetrics"])
def openmetrics(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def test_requests_are_told_by_how_they_ended(openmetrics: bool) -> None:
    series = Series(
        method="GET", route="/{id}", outcomes=[1, 0, 20, 3, 4, 5], microseconds=2_500_000, buckets=[33, *[0] * 104]
    )
    page = render(snapshot([series]), EXTRA, openmetrics=openmetrics)
    told = {
        status: value(page, "http_requests_total", method="GET", route="/{id}", status=status)
        for status in ("client-left", "1xx", "2xx", "3xx", "4xx", "5xx")
    }
    assert list(told.values()) == [1, 0, 20, 3, 4, 5]
    assert value(page, "http_request_duration_seconds_sum", method="GET", route="/{id}") == 2.5
    assert value(page, "http_request_duration_seconds_count", method="GET", route="/{id}") == 33


def test_durations_are_cumulative_at_powers_of_two(openmetrics: bool) -> None:
    series = Series(method="GET", route="/", outcomes=[0, 0, 105, 0, 0, 0], microseconds=1, buckets=[1] * BUCKETS)
    page = render(snapshot([series]), EXTRA, openmetrics=openmetrics)
    bounds = [2**power for power in range(7, 27)]
    for bound in bounds:
        told = value(page, "http_request_duration_seconds_bucket", method="GET", route="/", le=str(bound / 1_000_000))
        assert told == sum(lower_bound(bucket) < bound for bucket in range(BUCKETS))
    assert value(page, "http_request_duration_seconds_bucket", method="GET", route="/", le="+Inf") == BUCKETS
    assert page.count(b"_bucket{") == len(bounds) + 1


def test_workers_in_one_slot_are_told_as_one(openmetrics: bool) -> None:
    workers = [
        worker(slot=0, loop_lag=0.5, rss=100, in_flight=1, connections=5),
        worker(slot=0, loop_lag=0.25, rss=200, in_flight=2, connections=6),
        worker(slot=1, loop_lag=0.125, rss=50, in_flight=4, connections=7),
    ]
    page = render(snapshot([], workers), EXTRA, openmetrics=openmetrics)
    assert value(page, "worker_loop_lag_seconds", slot="0") == 0.5
    assert value(page, "worker_resident_memory_bytes", slot="0") == 300
    assert value(page, "worker_requests_in_flight", slot="0") == 3
    assert value(page, "worker_requests_in_flight", slot="1") == 4
    assert value(page, "http_requests_in_flight") == 7
    assert value(page, "http_connections") == 18


def test_counters_are_told_in_base_units(openmetrics: bool) -> None:
    counts = {"accepted": 1, "refused": 2, "handed_over": 3, "received": 4, "sent": 5, "gc_pauses": 6}
    counts |= {"gc_pause_ns": 7_500_000_000, "log_lines": 8, "log_dropped": 9}
    page = render(snapshot([], **counts), EXTRA, openmetrics=openmetrics)
    names = ["http_connections_accepted", "http_connections_refused", "http_connections_handed_over"]
    names += ["http_received_bytes", "http_sent_bytes", "gc_pauses", "gc_pause_seconds", "log_lines"]
    told = [value(page, f"{name}_total") for name in [*names, "log_lines_dropped"]]
    assert told == [1, 2, 3, 4, 5, 6, 7.5, 8, 9]


def test_what_the_supervisor_knows_is_told(openmetrics: bool) -> None:
    page = render(snapshot([]), EXTRA, openmetrics=openmetrics)
    assert value(page, "workers", state="serving") == 2
    assert value(page, "workers", state="draining") == 1
    assert value(page, "workers_wanted") == 2
    assert value(page, "worker_restarts_total", reason="crashed") == 1
    assert value(page, "ready") == 1
    assert value(page, "start_time_seconds") == 1785600000.25
    assert value(page, "build_info", version="0.1.0") == 1


def test_the_classic_format_types_samples_by_their_names() -> None:
    page = render(snapshot([one_series("GET", "/")]), EXTRA, openmetrics=False)
    assert b"# TYPE stanchion_http_requests_total counter\n" in page
    assert b"# TYPE stanchion_build_info gauge\n" in page
    assert b"# UNIT" not in page
    assert b"# EOF" not in page


def test_openmetrics_types_families_and_states_units() -> None:
    page = render(snapshot([one_series("GET", "/")]), EXTRA, openmetrics=True)
    assert b"# TYPE stanchion_http_requests counter\n" in page
    assert b"# TYPE stanchion_build info\n" in page
    assert b"# UNIT stanchion_http_received_bytes bytes\n" in page
    assert b"# UNIT stanchion_gc_pause_seconds seconds\n" in page
    assert page.endswith(b"\n# EOF\n")


@settings(max_examples=50, deadline=None)
@given(named_series)
def test_any_route_is_told_whole_in_both_formats(series: list[Series]) -> None:
    pages = [render(snapshot(series), EXTRA, openmetrics=openmetrics) for openmetrics in (False, True)]
    classic, modern = map(parse, pages)
    assert classic == modern
    for one in series:
        labels = {("method", one.method), ("route", one.route)}
        assert classic["stanchion_http_requests_total", frozenset(labels | {("status", "5xx")})] == one.outcomes[5]
        assert classic["stanchion_http_request_duration_seconds_count", frozenset(labels)] == sum(one.buckets)


@settings(max_examples=50, deadline=None)
@given(named_series)
def test_every_family_is_announced_once_and_its_lines_stand_together(series: list[Series]) -> None:
    for openmetrics in (False, True):
        page = render(snapshot(series, [worker(slot=3)]), EXTRA, openmetrics=openmetrics)
        found = families(page)
        names = [name for name, _, _ in found]
        assert len(set(names)) == len(names)
        for name, kind, samples in found:
            suffixes = ["_total"] if openmetrics and kind == "counter" else SUFFIXES[kind]
            assert set(samples) <= {name + suffix for suffix in suffixes}


def test_limits_are_told_by_what_became_of_requests(openmetrics: bool) -> None:
    shown = snapshot([])
    assert b"stanchion_limit" not in render(shown, EXTRA, openmetrics=openmetrics)
    tallies = [
        Tally(kind="limit", name="5/s by ip", cells=[1, 2, 3, 4, 5, 6, 7, 0]),
        Tally(kind="", name="", cells=[9] * 8),
    ]
    page = render(msgspec.structs.replace(shown, tallies=tallies), EXTRA, openmetrics=openmetrics)
    told = [
        value(page, "limit_decisions_total", limit="5/s by ip", outcome=name)
        for name in ("allowed", "refused", "queued")
    ]
    assert told == [1, 2, 3]
    names = ("store_failures", "clients_forgotten", "tokens_leased", "tokens_settled")
    assert [value(page, f"limit_{name}_total", limit="5/s by ip") for name in names] == [4, 5, 6, 7]


def test_caches_and_their_tiers_are_told_apart(openmetrics: bool) -> None:
    shown = snapshot([], [worker(cache_bytes=1000), worker(slot=1, cache_bytes=24)])
    assert b"stanchion_cache" not in render(shown, EXTRA, openmetrics=openmetrics)
    tallies = [
        Tally(kind=CACHE, name="responses", cells=[1, 2, 3, 4, 5, 6, 7, 8]),
        Tally(kind=CACHE_TIER, name="memory", cells=[11, 12, 13, 14, 15, 16, 17, 18]),
    ]
    extra = msgspec.structs.replace(EXTRA, cache_machine=4096)
    page = render(msgspec.structs.replace(shown, tallies=tallies), extra, openmetrics=openmetrics)
    outcomes = ("hit", "stale", "miss", "coalesced")
    assert [value(page, "cache_lookups_total", cache="responses", outcome=one) for one in outcomes] == [1, 2, 3, 4]
    names = ("revalidated", "stored", "origin_failures")
    assert [value(page, f"cache_{name}_total", cache="responses") for name in names] == [5, 6, 8]
    assert [value(page, "cache_tier_lookups_total", tier="memory", outcome=one) for one in ("hit", "miss")] == [11, 13]
    names = ("stored", "evicted", "failures")
    assert [value(page, f"cache_tier_{name}_total", tier="memory") for name in names] == [16, 17, 18]
    assert [value(page, "cache_tier_bytes", tier=tier) for tier in ("memory", "machine")] == [1024, 4096]


@pytest.mark.parametrize(("kind", "cells"), [(BULKHEAD, BulkheadCell), (DEPENDENCY, DependencyCell), (POOL, PoolCell)])
def test_protections_with_a_name_are_told_by_it(kind: str, cells: type[IntEnum], openmetrics: bool) -> None:
    shown = snapshot([])
    family = f"{kind}_decisions"
    assert family.encode() not in render(shown, EXTRA, openmetrics=openmetrics)
    tallies = [
        Tally(kind=kind, name=name, cells=[first + n for n in range(8)]) for name, first in (("a", 10), ("b", 20))
    ]
    page = render(msgspec.structs.replace(shown, tallies=tallies), EXTRA, openmetrics=openmetrics)
    for cell in cells:
        found = [value(page, f"{family}_total", **{kind: name, "outcome": cell.name.lower()}) for name in ("a", "b")]
        assert found == [10 + cell, 20 + cell]


def test_what_admission_sheds_is_told_by_priority_and_reason(openmetrics: bool) -> None:
    assert (PRIORITIES, REASONS) == (admission_queue.PRIORITIES, admission_queue.REASONS)
    page = render(snapshot([]), EXTRA, openmetrics=openmetrics)
    for priority in PRIORITIES:
        for reason in REASONS:
            assert value(page, "admission_shed_total", priority=priority, reason=reason) == 0
    assert value(page, "admission_limit") == 0
