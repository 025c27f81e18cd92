"""PostgreSQL's plans, as `EXPLAIN (FORMAT JSON, VERBOSE)` tells them, read as evidence. No I/O."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stanchion.data.advice.conditions import conditions, conjuncts
from stanchion.data.advice.evidence import Condition, Plan, Scan, Table

Node = dict[str, Any]
_JOINS = ("Hash Cond", "Join Filter", "Merge Cond")
_PASSED = ("Limit", "Sort", "Incremental Sort", "Gather", "Gather Merge", "Result", "LockRows", "Subquery Scan")
"""What may stand between a sort and the table it sorts, or between it and the limit above."""


def plan_of(top: Node, tables: Mapping[str, Table]) -> Plan:
    """What a plan says; `top` is its first node."""
    read = [(node, above) for node, above in _walked(top, ()) if node["Node Type"] != "ModifyTable"]
    scans = tuple(_scan(node, above, tables) for node, above in read if "Relation Name" in node)
    names = frozenset(node["Index Name"] for node, _ in _walked(top, ()) if "Index Name" in node)
    return Plan(scans=scans, indexes=names, cost=top.get("Total Cost"))


def _walked(node: Node, above: tuple[Node, ...]) -> Iterator[tuple[Node, tuple[Node, ...]]]:
    """Each node, with those above it, the nearest first."""
    yield node, above
    for child in node.get("Plans", ()):
        yield from _walked(child, (node, *above))


def table_name(node: Node) -> str:
    """As evidence has it: with its schema, unless that is `public`."""
    schema = node.get("Schema", "public")
    name: str = node["Relation Name"]
    return name if schema == "public" else f"{schema}.{name}"


def _scan(node: Node, above: Sequence[Node], tables: Mapping[str, Table]) -> Scan:
    name = table_name(node)
    alias = str(node.get("Alias", node["Relation Name"]))
    rows = tables[name].rows if name in tables else 0.0
    whole = node["Node Type"] == "Seq Scan"
    found = conditions(node.get("Filter") or "", alias)
    wanted = float(node.get("Plan Rows", 0))
    if whole and not found:
        found, wanted = _joined(above, alias, wanted)
    if not whole:
        found += conditions(node.get("Index Cond") or node.get("Recheck Cond") or "", alias)
    return Scan(
        table=name,
        whole=whole,
        share=min(1.0, wanted / rows) if rows > 0 else 1.0,
        conditions=found,
        order=_order(above, alias) if wanted > 1 else (),
    )


def _joined(above: Sequence[Node], alias: str, rows: float) -> tuple[tuple[Condition, ...], float]:
    """The columns by which a table that is read as a whole is joined, and the rows that come of the join."""
    for node in above:
        for condition in (node[key] for key in _JOINS if key in node):
            found = tuple(one for one in conditions(condition, alias) if one.kind == "equal")
            if found:
                return found, float(node.get("Plan Rows", rows))
    return (), rows


def _order(above: Sequence[Node], alias: str) -> tuple[str, ...]:
    """The columns by which a limit's rows are sorted, where all of them are of this table."""
    keys: Sequence[str] = ()
    for node in above:
        if node["Node Type"] not in _PASSED:
            return ()
        if node["Node Type"] == "Limit":
            columns = [_sorted_by(key, alias) for key in keys]
            return tuple(column for column in columns if column) if all(columns) else ()
        keys = node.get("Sort Key", keys)
    return ()


def _sorted_by(key: str, alias: str) -> str:
    """`day DESC` of `f.day DESC`; nothing of an expression, or of another table's column."""
    [plain] = conjuncts(key)
    name, _, direction = plain.partition(" ")
    table, dot, column = name.rpartition(".")
    if (dot and table.strip('"') != alias) or direction not in ("", "DESC") or not column.strip('"').isidentifier():
        return ""
    return f"{column.strip(chr(34))}{' DESC' if direction else ''}"
