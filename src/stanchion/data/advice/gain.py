"""What a missing index brings, tried on a copy: each statement is run without it and with it, and nothing stays."""

import asyncio
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from stanchion.data.advice import postgres, values
from stanchion.data.advice.evidence import Evidence, Plan
from stanchion.data.advice.findings import Finding, Gain
from stanchion.data.advice.rules import creation
from stanchion.data.driver import Driver, Statements
from stanchion.data.statements.exported import Seen
from stanchion.data.tables import quoted

_MOST = 3
"""Statements of a finding that are tried."""
_RUNS = 3
"""Of each; the quickest counts."""
_LONGEST = 10.0
"""Seconds of a run."""
_STEPS = 10_000
"""Of SQLite's virtual machine between two looks at the time."""


class _Undo(Exception):
    """Ends a transaction without effect."""


async def on_postgres(copy: Driver, finding: Finding, evidence: Evidence) -> list[Gain]:
    """Try the index in a transaction that is rolled back. Writes wait for it meanwhile, hence a copy.

    Raises:
        DatabaseUnavailable, DatabaseBusy, DatabaseTimeout: the copy does not answer.
    """
    assert finding.wanted is not None
    gains: list[Gain] = []
    try:
        async with copy.transaction() as statements:
            await statements.execute(f"SET LOCAL statement_timeout = '{_LONGEST:g}s'", ())
            tried = chosen(finding, evidence)
            given = [await _sampled(statements, seen, plan) for seen, plan in tried]
            before = [await _explained(statements, seen, sql) for (seen, _), sql in zip(tried, given, strict=True)]
            await statements.execute(creation(finding.wanted, concurrently=False), ())
            after = [await _explained(statements, seen, sql) for (seen, _), sql in zip(tried, given, strict=True)]
            for (seen, _), (cost, time), (lower, less) in zip(tried, before, after, strict=True):
                gains.append(Gain(statement=seen.text, before=time, after=less, cost_before=cost, cost_after=lower))
            raise _Undo
    except _Undo:
        return gains


def chosen(finding: Finding, evidence: Evidence) -> list[tuple[Seen, Plan]]:
    """The statements of a finding that are tried, with their plans."""
    return [(seen, plan) for seen, plan in evidence.plans if seen.text in finding.statements][:_MOST]


async def _sampled(statements: Statements, seen: Seen, plan: Plan) -> list[str] | None:
    """SQL for each parameter; None where a value cannot be found for one."""
    columns, counts = values.compared(plan), values.counts(seen.example)
    given = []
    for number in range(1, values.parameters(seen.example) + 1):
        if number in counts:
            given.append(str(counts[number]))
        elif number in columns:
            table, column = columns[number]
            named = f"quote_literal({quoted(column)}::text)"
            found = await statements.fetch(
                f"SELECT {named} FROM {quoted(table)} WHERE {quoted(column)} IS NOT NULL ORDER BY ctid DESC LIMIT 1", ()
            )
            given.append(found.rows[0][0] if found.rows else "NULL")
        else:
            return None
    return given


async def _explained(statements: Statements, seen: Seen, given: Sequence[str] | None) -> tuple[float, float | None]:
    """Cost, and milliseconds where there are values to run it with."""
    if given is None:
        return (await postgres.explained(statements, seen.example))["Total Cost"], None
    nodes = [await postgres.explained(statements, seen.example, given, run=True) for _ in range(_RUNS)]
    return nodes[0]["Total Cost"], min(node["Execution Time"] for node in nodes)


async def on_sqlite(driver: Driver, found: Sequence[Finding], evidence: Evidence) -> list[list[Gain]]:
    """Try the indexes of all findings on a copy of the file, which is removed afterwards."""
    path = (await driver.fetch("SELECT file FROM pragma_database_list WHERE name = 'main'", ())).rows[0][0]
    return await asyncio.to_thread(_on_copy, path, found, evidence)


def _on_copy(path: str, found: Sequence[Finding], evidence: Evidence) -> list[list[Gain]]:
    with tempfile.TemporaryDirectory(prefix="stanchion-") as folder:
        copy = sqlite3.connect(Path(folder) / "copy.db", isolation_level=None)
        with closing(copy), closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as original:
            original.backup(copy)
            return [_with_index(copy, finding, evidence) for finding in found]


def _with_index(copy: sqlite3.Connection, finding: Finding, evidence: Evidence) -> list[Gain]:
    assert finding.wanted is not None
    tried = [(seen, _values(copy, seen, plan)) for seen, plan in chosen(finding, evidence)]
    before = [_milliseconds(copy, seen, given) for seen, given in tried]
    copy.execute(creation(finding.wanted, concurrently=False))
    after = [_milliseconds(copy, seen, given) for seen, given in tried]
    return [
        Gain(statement=seen.text, before=time, after=less)
        for (seen, _), time, less in zip(tried, before, after, strict=True)
    ]


def _values(copy: sqlite3.Connection, seen: Seen, plan: Plan) -> dict[str, Any] | None:
    columns, counts = values.compared(plan), values.counts(seen.example)
    given: dict[str, Any] = {str(number): count for number, count in counts.items()}
    for number, (table, column) in columns.items():
        row = copy.execute(
            f"SELECT {quoted(column)} FROM {quoted(table)} WHERE {quoted(column)} IS NOT NULL LIMIT 1"
        ).fetchone()
        given[str(number)] = row[0] if row else None
    return given if len(given) >= values.parameters(seen.example) else None


def _milliseconds(copy: sqlite3.Connection, seen: Seen, given: dict[str, Any] | None) -> float | None:
    """The quickest of a few runs; None where there are no values, or it takes too long."""
    if given is None:
        return None
    times = []
    for _ in range(_RUNS):
        began = perf_counter()
        copy.set_progress_handler(partial(_passed, began + _LONGEST), _STEPS)
        copy.execute("BEGIN")
        try:
            copy.execute(seen.example, given).fetchall()
        except sqlite3.Error:  # interrupted, or a write that a constraint forbids
            return None
        finally:
            times.append((perf_counter() - began) * 1000)
            copy.set_progress_handler(None, 0)
            if copy.in_transaction:
                copy.execute("ROLLBACK")
    return min(times)


def _passed(end: float) -> bool:
    return perf_counter() > end
