"""The rules, over evidence made by hand."""

from typing import Any

import pytest
from msgspec.structs import replace

from stanchion.data.advice.evidence import Condition, Evidence, Index, Plan, Scan, Table
from stanchion.data.advice.findings import Finding, Wanted
from stanchion.data.advice.rules import affordable, creation, findings, wanted_by
from stanchion.data.budget import Capacity, Fleet
from stanchion.data.statements.exported import Seen

DEST = Condition(column="dest", kind="equal", parameter=1)
DAY = Condition(column="day", kind="range", parameter=2)
FLIGHTS = {"flights": Table(name="flights", rows=50_000)}


def seen(text: str = "SELECT 1", **more: Any) -> Seen:
    return Seen(database="main", text=text, example=text, **{"verb": "select", "calls": 10, "seconds": 2.0, **more})


def scan(*conditions: Condition, **more: Any) -> Scan:
    return Scan(**{"table": "flights", "whole": True, "share": 0.01, "conditions": conditions, **more})


def evidence(*scans: Scan, **more: Any) -> Evidence:
    plans = [(seen(f"SELECT {number}"), Plan(scans=(one,))) for number, one in enumerate(scans)]
    return Evidence(**{"database": "main", "concurrently": True, "tables": FLIGHTS, "plans": plans, **more})


def one(found: list[Finding]) -> Finding:
    [finding] = found
    return finding


@pytest.mark.parametrize(
    ("asked", "columns"),
    [
        (scan(DEST), ("dest",)),
        (scan(DAY, DEST), ("dest", "day")),
        (scan(DEST, order=("day DESC",)), ("dest", "day")),
        (scan(DEST, order=("day DESC", "id")), ("dest", "day DESC", "id")),
        (scan(DEST, order=("dest", "day")), ("dest", "day")),
        (scan(DEST, DAY, order=("id",)), ("dest", "day")),  # the range is first: its rows have to be sorted
        (scan(DEST, DAY, order=("day",)), ("dest", "day")),
        (scan(share=1.0, order=("day",)), ("day",)),
        (scan(DEST, whole=False, share=0.5, order=("day",)), ("dest", "day")),
        (scan(DEST, whole=False, order=("day",)), None),  # 500 rows are sorted in no time
        (scan(share=0.01, order=("day",)), None),  # of an order's rows few pass the filter
        (scan(DEST, whole=False), None),
        (scan(DEST, share=0.5), None),
        (scan(share=1.0), None),
    ],
)
def test_the_index_that_a_scan_lacks(asked: Scan, columns: tuple[str, ...] | None) -> None:
    assert wanted_by(asked, 50_000) == (Wanted("flights", columns) if columns else None)
    assert wanted_by(asked, 999) is None  # too small a table to matter


def test_a_missing_index() -> None:
    finding = one(findings(evidence(scan(DEST))))
    assert finding.kind == "missing index"
    assert finding.why == "all 50,000 rows of flights are read to find 500 or so"
    assert finding.do == 'CREATE INDEX CONCURRENTLY "flights_dest_idx" ON "flights" ("dest")'
    assert (finding.calls, finding.seconds, finding.statements) == (10, 2.0, ["SELECT 0"])


def test_one_index_serves_all_that_want_its_beginning() -> None:
    finding = one(findings(evidence(scan(DEST), scan(DEST, DAY), scan(DEST, order=("day", "id")))))
    assert finding.wanted == Wanted("flights", ("dest", "day", "id"))
    assert sorted(finding.statements) == ["SELECT 0", "SELECT 1", "SELECT 2"]
    assert (finding.calls, finding.seconds) == (30, 6.0)


def test_equal_columns_that_more_statements_compare_come_first() -> None:
    both = [scan(Condition(column="a", kind="equal"), DEST), scan(DEST, Condition(column="a", kind="equal"))]
    finding = one(findings(evidence(*both, scan(DEST))))
    assert finding.wanted == Wanted("flights", ("dest", "a"))
    assert finding.calls == 30


@pytest.mark.parametrize(
    ("columns", "partial", "count"),
    [(("dest",), False, 0), (("dest", "day"), False, 0), (("day", "dest"), False, 1), (("dest",), True, 1)],
)
def test_an_index_that_is_there_is_not_wanted(columns: tuple[str, ...], partial: bool, count: int) -> None:
    index = Index(name="there", table="flights", columns=columns, partial=partial, needed=True)
    assert len(findings(evidence(scan(DEST), indexes=[index]))) == count


@pytest.mark.parametrize(
    ("index", "count"),
    [
        ({"scans": 0}, 1),
        ({"scans": None}, 1),
        ({"scans": 3}, 0),
        ({"scans": 0, "needed": True}, 0),
        ({"scans": 0, "name": "used"}, 0),
        ({"scans": 0, "name": "sales.used"}, 0),
        ({"scans": 0, "table": "small"}, 0),
        ({"scans": 0, "table": "unknown"}, 0),
    ],
)
def test_unused_indexes(index: dict[str, Any], count: int) -> None:
    there = Index(**{"name": "idle", "table": "flights", "columns": ("seats",), "bytes": 3 << 20, **index})
    plans = [(seen(), Plan(indexes=frozenset({"used"})))]
    tables = {**FLIGHTS, "small": Table(name="small", rows=20)}
    found = findings(evidence(tables=tables, indexes=[there], plans=plans))
    assert len(found) == count
    for finding in found:
        assert (finding.kind, finding.do) == ("unused index", 'DROP INDEX CONCURRENTLY "idle"')
        assert finding.why.endswith("3.0 MiB")
    assert findings(evidence(tables=tables, indexes=[there], plans=[])) == []  # nothing is known of its use


@pytest.mark.parametrize(("verb", "do"), [("select", "get_many"), ("insert", "asyncio.gather"), ("update", "any($1)")])
def test_repeated_statements(verb: str, do: str) -> None:
    again = seen("SELECT a", verb=verb, repeated=2, most=40, repeating=("GET /loop",), routes=("GET /loop", "GET /one"))
    finding = one(findings(evidence(repeated=[again, seen("SELECT b")])))
    assert finding.why == "one request of GET /loop asks it up to 40 times, one after the other (N+1)"
    assert finding.routes == ("GET /loop",)
    assert do in finding.do


@pytest.mark.parametrize(("waited", "count"), [(4.0, 1), (1.0, 0), (0.0, 0)])
def test_waits_for_connections(waited: float, count: int) -> None:
    found = findings(evidence(plans=[(seen(seconds=10.0, waited=waited), Plan())]))
    assert [finding.kind for finding in found] == ["connections"] * count


def test_the_arithmetic_of_connections() -> None:
    fleet = Fleet(workers=3, instances=10)
    assert affordable("main", 80, fleet, Capacity(most=100, reserved=3)) is None
    finding = affordable("main", 200, fleet, Capacity(most=100, reserved=3, others=17))
    assert finding is not None
    assert "gives 80 connections" in finding.why
    assert finding.do == "connections=80 or fewer, at least 40"
    few = affordable("main", 30, fleet, Capacity(most=100, reserved=3))
    assert few is not None
    assert "leaves some without any" in few.why


def test_those_that_took_most_time_come_first() -> None:
    costly, cheap = seen("SELECT a", seconds=9.0), seen("SELECT b", seconds=1.0)
    other = replace(scan(), table="bookings", conditions=(DAY,))
    plans = [(cheap, Plan(scans=(other,))), (costly, Plan(scans=(scan(DEST),)))]
    tables = {**FLIGHTS, "bookings": Table(name="bookings", rows=5000)}
    assert [finding.seconds for finding in findings(evidence(plans=plans, tables=tables))] == [9.0, 1.0]


def test_names_are_quoted() -> None:
    assert creation(Wanted("sales.orders", ("at DESC", 'o"dd')), concurrently=False) == (
        'CREATE INDEX "orders_at_o""dd_idx" ON "sales"."orders" ("at" DESC, "o""dd")'
    )
