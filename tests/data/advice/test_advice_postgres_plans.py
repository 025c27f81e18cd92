"""PostgreSQL's plans to scans, with what narrows them, joins them and sorts them."""

from typing import Any

from stanchion.data.advice.evidence import Condition, Scan, Table
from stanchion.data.advice.postgres_plans import plan_of

TABLES = {name: Table(name=name, rows=10_000) for name in ("flights", "bookings", "sales.orders")}


def seq_scan(table: str = "flights", alias: str = "f", rows: int = 10_000, **more: Any) -> dict[str, Any]:
    return {
        "Node Type": "Seq Scan",
        "Relation Name": table,
        "Schema": "public",
        "Alias": alias,
        "Plan Rows": rows,
        **more,
    }


def only(node: dict[str, Any]) -> Scan:
    [scan] = plan_of(node, TABLES).scans
    return scan


def test_a_filter_and_what_it_leaves() -> None:
    scan = only(seq_scan(rows=50, Filter="(f.dest = $1)"))
    assert scan == Scan(
        table="flights",
        whole=True,
        share=0.005,
        conditions=(Condition(column="dest", kind="equal", parameter=1),),
    )


def test_a_table_of_another_schema() -> None:
    assert only(seq_scan("orders", Schema="sales")).table == "sales.orders"


def test_an_index_is_in_use() -> None:
    node = {
        **{"Node Type": "Index Scan", "Relation Name": "flights", "Schema": "public", "Alias": "f", "Plan Rows": 20},
        **{"Index Name": "flights_dest_idx", "Index Cond": "(f.dest = $1)", "Filter": "(f.day > $2)"},
    }
    plan = plan_of(node, TABLES)
    assert plan.indexes == {"flights_dest_idx"}
    assert not plan.scans[0].whole
    assert {one.column for one in plan.scans[0].conditions} == {"dest", "day"}


def limited(scan: dict[str, Any], *keys: str, between: str | None = None) -> dict[str, Any]:
    below = {"Node Type": between, "Plan Rows": 10_000, "Plans": [scan]} if between else scan
    order = {"Node Type": "Sort", "Sort Key": list(keys), "Plan Rows": 10_000, "Plans": [below]}
    return {"Node Type": "Limit", "Plan Rows": 10, "Plans": [order]}


def test_the_order_of_the_first_few() -> None:
    assert only(limited(seq_scan(), "f.day DESC", "f.id")).order == ("day DESC", "id")
    assert only(limited(seq_scan(), "f.day", between="Gather")).order == ("day",)


def test_orders_that_no_index_has() -> None:
    assert only(limited(seq_scan(), "lower(f.day)")).order == ()
    assert only(limited(seq_scan(), "f.day", "b.name")).order == ()
    assert only(limited(seq_scan(), "f.day DESC NULLS LAST")).order == ()
    assert only(limited(seq_scan(), "f.day", between="Hash Join")).order == ()
    whole = {"Node Type": "Sort", "Sort Key": ["f.day"], "Plan Rows": 10_000, "Plans": [seq_scan()]}
    assert only(whole).order == ()


def test_a_table_that_is_read_to_find_the_few_of_a_join() -> None:
    hashed = {"Node Type": "Hash", "Plan Rows": 10_000, "Plans": [seq_scan("bookings", "b")]}
    join = {
        **{"Node Type": "Hash Join", "Hash Cond": "(f.id = b.flight)", "Plan Rows": 30},
        "Plans": [seq_scan(rows=1, Filter="(f.dest = $1)"), hashed],
    }
    flights, bookings = plan_of(join, TABLES).scans
    assert [one.column for one in flights.conditions] == ["dest"]
    assert bookings.conditions == (Condition(column="flight", kind="equal"),)
    assert bookings.share == 0.003
