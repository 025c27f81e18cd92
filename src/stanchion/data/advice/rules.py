"""The rules: from evidence to findings. No I/O.

Leaned on: PostgreSQL's manual, chapters 11 (indexes) and 14.1 (EXPLAIN); SQLite's "The Query Planner".
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from stanchion.data.advice.evidence import Evidence, Index, Plan, Scan
from stanchion.data.advice.findings import Finding, Wanted
from stanchion.data.budget import Capacity, Fleet, check
from stanchion.data.statements.exported import Seen
from stanchion.data.tables import quoted
from stanchion.errors import ConfigurationError

LARGE = 1000
"""Rows of a table below which a scan of it takes some tens of microseconds, and an index brings nothing."""
SELECTIVE = 0.1
"""Share of a table's rows up to which an index is worth its way to them."""
_WAITING = 0.2
"""Share of statements' time that they may wait for a connection."""
_NOBODY: Mapping[str, int] = MappingProxyType({})
_LEAST = 1.0
"""Seconds of waiting below which nobody was hurt."""


def findings(evidence: Evidence) -> list[Finding]:
    """All of them, those whose statements took the most time first."""
    found = [*_missing(evidence), *_unused(evidence), *_repeated(evidence), *_waiting(evidence)]
    return sorted(found, key=lambda finding: (-finding.seconds, finding.kind, finding.subject))


def wanted_by(scan: Scan, rows: float, asked: Mapping[str, int] = _NOBODY) -> Wanted | None:
    """The index that a scan of a table with so many rows lacks: the columns that are compared for equality, then those
    of the order, else one of a range. `asked` says how many scans compare a column for equality: the more the further
    to the front, so that they share an index."""
    if rows < LARGE:
        return None
    equal = tuple(sorted(_columns(scan, "equal"), key=lambda column: (-asked.get(column, 0), column)))
    ranges = tuple(column for column in _columns(scan, "range") if column not in equal)
    order = tuple(column for column in scan.order if column.removesuffix(" DESC") not in equal)
    in_order = order and (not ranges or order[0].removesuffix(" DESC") == ranges[0])
    if in_order and _sorts_many(scan, rows, bool(equal)):
        return Wanted(scan.table, (*equal, *_straight(order)))
    if scan.whole and (equal or ranges) and scan.share <= SELECTIVE:
        return Wanted(scan.table, (*equal, *ranges[:1]))
    return None


def _sorts_many(scan: Scan, rows: float, narrowed: bool) -> bool:
    """Whether an index in the order spares something: a scan of the whole table, or the sort of many of its rows. If it
    is not narrowed by equality, it has to be walked until enough rows are found that pass the rest of the filter."""
    if not scan.whole:
        return scan.share * rows >= LARGE
    return narrowed or scan.share > SELECTIVE


def _columns(scan: Scan, kind: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.column for one in scan.conditions if one.kind == kind))


def _straight(order: tuple[str, ...]) -> tuple[str, ...]:
    """An order that is descending throughout is an ascending index read backwards."""
    if all(column.endswith(" DESC") for column in order):
        return tuple(column.removesuffix(" DESC") for column in order)
    return order


def _missing(evidence: Evidence) -> Iterable[Finding]:
    lacking: dict[Wanted, list[tuple[Seen, Scan]]] = defaultdict(list)
    asked = _asked(evidence)
    for seen, plan in evidence.plans:
        for scan, wanted in _lacking(plan, evidence, asked):
            lacking[wanted].append((seen, scan))
    for wanted in sorted(lacking, key=lambda one: len(one.columns)):
        for longer in lacking:
            if longer is not wanted and longer.covers(wanted):
                lacking[longer] += lacking.pop(wanted)
                break
    for wanted, places in lacking.items():
        yield _missing_index(evidence, wanted, places)


def _asked(evidence: Evidence) -> Mapping[str, Counter[str]]:
    """By table, how many scans compare each column for equality."""
    asked: dict[str, Counter[str]] = defaultdict(Counter)
    for _, plan in evidence.plans:
        for scan in plan.scans:
            asked[scan.table].update(_columns(scan, "equal"))
    return asked


def _lacking(plan: Plan, evidence: Evidence, asked: Mapping[str, Mapping[str, int]]) -> Iterable[tuple[Scan, Wanted]]:
    for scan in plan.scans:
        table = evidence.tables.get(scan.table)
        wanted = wanted_by(scan, table.rows, asked[scan.table]) if table is not None else None
        if wanted is not None and not _exists(wanted, evidence.indexes):
            yield scan, wanted


def _exists(wanted: Wanted, indexes: Iterable[Index]) -> bool:
    """Whether there is such an index, which the planner then has its reasons not to use."""
    plain = tuple(column.removesuffix(" DESC") for column in wanted.columns)
    return any(
        index.table == wanted.table and not index.partial and index.columns[: len(plain)] == plain for index in indexes
    )


def _missing_index(evidence: Evidence, wanted: Wanted, places: Sequence[tuple[Seen, Scan]]) -> Finding:
    rows = evidence.tables[wanted.table].rows
    whole = any(scan.whole for _, scan in places)
    share = min(scan.share for _, scan in places)
    seen = list(dict.fromkeys(one for one, _ in places))
    if whole and share <= SELECTIVE:
        why = f"all {rows:,.0f} rows of {wanted.table} are read to find {max(share * rows, 1):,.0f} or so"
    else:
        why = f"rows of {wanted.table} are sorted to take the first few; it has {rows:,.0f}"
    return Finding(
        kind="missing index",
        database=evidence.database,
        subject=f"{wanted.table} ({', '.join(wanted.columns)})",
        why=why,
        do=creation(wanted, concurrently=evidence.concurrently),
        wanted=wanted,
        statements=[one.text for one in seen],
        routes=sorted({route for one in seen for route in one.routes}),
        calls=sum(one.calls for one in seen),
        seconds=sum(one.seconds for one in seen),
    )


def creation(wanted: Wanted, *, concurrently: bool) -> str:
    """The statement that makes the index."""
    table = wanted.table.rpartition(".")[2]
    name = "_".join([table, *(column.removesuffix(" DESC") for column in wanted.columns), "idx"])
    columns = ", ".join(
        f"{quoted(column.removesuffix(' DESC'))}{' DESC' if column.endswith(' DESC') else ''}"
        for column in wanted.columns
    )
    # PostgreSQL's names have 63 bytes
    return (
        f"CREATE INDEX {'CONCURRENTLY ' if concurrently else ''}{quoted(name[:63])} "
        f"ON {quoted(wanted.table)} ({columns})"
    )


def _unused(evidence: Evidence) -> Iterable[Finding]:
    if not evidence.plans:
        return
    used = frozenset().union(*(plan.indexes for _, plan in evidence.plans))
    for index in evidence.indexes:
        table = evidence.tables.get(index.table)
        if index.needed or index.scans or index.name.rpartition(".")[2] in used or table is None or table.rows < LARGE:
            continue
        size = "" if index.bytes is None else f", {index.bytes / 2**20:,.1f} MiB"
        counted = "no statement seen uses it" if index.scans is None else "it was never used since statistics began"
        yield Finding(
            kind="unused index",
            database=evidence.database,
            subject=index.name,
            why=f"{counted}, and every write to {index.table} keeps it up{size}",
            do=f"DROP INDEX {'CONCURRENTLY ' if evidence.concurrently else ''}{quoted(index.name)}",
        )


def _repeated(evidence: Evidence) -> Iterable[Finding]:
    for seen in evidence.repeated:
        if seen.repeated:
            where = ", ".join(seen.repeating)
            yield Finding(
                kind="repeated statement",
                database=evidence.database,
                subject=seen.text,
                why=f"one request of {where} asks it up to {seen.most:,} times, one after the other (N+1)",
                do=_once(seen),
                statements=[seen.text],
                routes=seen.repeating,
                calls=seen.calls,
                seconds=seen.seconds,
            )


def _once(seen: Seen) -> str:
    if seen.verb == "insert":
        return "insert the rows from tasks at one time (asyncio.gather), or with one statement"
    if seen.verb == "select":
        return "ask once for all of them: db.get_many(…), a join, or = any($1)"
    return "change all rows with one statement: WHERE … = any($1)"


def affordable(database: str, connections: int, fleet: Fleet, capacity: Capacity) -> Finding | None:
    """What is wrong with the declared number of connections, if anything is: the server has too few, or the workers."""
    try:
        check(connections, fleet, capacity)
    except ConfigurationError as error:
        return Finding(
            kind="connections",
            database=database,
            subject=f"connections={connections}",
            why=str(error),
            do=f"connections={max(capacity.free, 0)} or fewer, at least {fleet.processes}",
        )
    return None


def _waiting(evidence: Evidence) -> Iterable[Finding]:
    seen = [one for one, _ in evidence.plans]
    waited, seconds = sum(one.waited for one in seen), sum(one.seconds for one in seen)
    if waited >= _LEAST and waited > _WAITING * seconds:
        yield Finding(
            kind="connections",
            database=evidence.database,
            subject="waits for a connection",
            why=f"statements have spent {waited / seconds:.0%} of their time waiting for a connection",
            do="raise connections=, make the slowest statements quicker, or leave transactions sooner",
            seconds=waited,
        )
