"""Evidence from SQLite: its schema and a sample of its rows, and the plans of a model of it. It changes nothing."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing

from msgspec.structs import replace

from stanchion.data.advice.evidence import Evidence, Plan, Table
from stanchion.data.advice.sqlite_plans import Model, Schema, Shares
from stanchion.data.advice.values import numbered
from stanchion.data.driver import Driver
from stanchion.data.statements.exported import Seen
from stanchion.data.tables import quoted

EXPLAINED = frozenset({"select", "insert", "update", "delete", "replace"})
_SAMPLE = 10_000
"""Rows of a table that are looked at to find out how many values a column has."""
_SCHEMA = """
SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
    AND sql NOT LIKE 'CREATE VIRTUAL%'
ORDER BY type <> 'table', rowid
"""


async def evidence(database: str, driver: Driver, seen: Sequence[Seen]) -> Evidence:
    """What is known of the database, and of how it runs the statements seen.

    Raises:
        DatabaseUnavailable, DatabaseBusy, DatabaseTimeout: it does not answer.
    """
    plans: list[tuple[Seen, Plan]] = []
    unexplained: dict[str, str] = {}
    with closing(Model(await schema(driver))) as model:
        tables = {name: Table(name=name, rows=await _rows(driver, name)) for name in model.columns()}
        shares = await _shares(driver, model)
        indexes = model.indexes()
        for one in seen:
            if one.verb not in EXPLAINED:
                continue
            try:
                plain = replace(one, example=numbered(one.example))
                plans.append((plain, model.plan(plain.example, shares)))
            except sqlite3.Error as error:
                unexplained[one.text] = str(error)
    return Evidence(
        database=database,
        tables=tables,
        indexes=indexes,
        plans=plans,
        repeated=[one for one in seen if one.repeated],
        unexplained=unexplained,
    )


async def schema(driver: Driver) -> Schema:
    """What a model is made of."""
    definitions = [sql for (sql,) in (await driver.fetch(_SCHEMA, ())).rows]
    known = await driver.fetch("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'", ())
    statistics = (await driver.fetch("SELECT tbl, idx, stat FROM sqlite_stat1", ())).rows if known.rows else ()
    return Schema(definitions=definitions, statistics=[(table, index, text) for table, index, text in statistics])


async def _rows(driver: Driver, table: str) -> float:
    """About how many rows a table has: its highest rowid, which is found at once; else they are counted."""
    try:
        found = await driver.fetch(f"SELECT max(rowid) FROM {quoted(table)}", ())
    except sqlite3.OperationalError:  # WITHOUT ROWID
        found = await driver.fetch(f"SELECT count(*) FROM {quoted(table)}", ())
    return float(found.rows[0][0] or 0)


async def _shares(driver: Driver, model: Model) -> Shares:
    return {table: await _shares_of(driver, table, columns) for table, columns in model.columns().items()}


async def _shares_of(driver: Driver, table: str, columns: Sequence[str]) -> Mapping[str, float]:
    """The part of the rows that one value of a column has, by a sample of those that were inserted first."""
    counts = ", ".join(f"count(DISTINCT {quoted(column)})" for column in columns)
    sample = f"SELECT * FROM {quoted(table)} LIMIT {_SAMPLE}"
    [row] = (await driver.fetch(f"SELECT {counts} FROM ({sample})", ())).rows
    return {column: 1 / max(distinct, 1) for column, distinct in zip(columns, row, strict=True)}
