"""Where the rows go: all tables in one transaction, so that a database has them whole or not at all.

Each database has a way of its own to take a third of a million rows at once, which is why this does without
`app.database`. Whoever finds the tables there leaves them; of workers that start at once one fills them and the others
wait, since SQLite has one writer and PostgreSQL is asked for a lock.
"""

import csv
import io
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from examples.flights.source import TABLES, Row, Table
from stanchion.errors import ConfigurationError

Read = Callable[[Table], Iterator[Row]]
"""Gives a table's rows, in the order of its columns."""
_HERE = Path(__file__).parent
_PATIENCE = 120.0
"""Seconds to wait for another worker that fills."""
_LOCK = 2013
"""The number of the lock that PostgreSQL is asked for."""
_PART = 2000
"""Rows that are sent to PostgreSQL at one time."""


def fill_sqlite(path: str, read: Read) -> None:
    """Make the tables in the file at `path`, unless they are there."""
    with closing(sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'flights'").fetchone():
            for statement in _statements("schema.sql"):
                database.execute(statement)
            for table in TABLES:
                columns = len(database.execute(f"PRAGMA table_info({table.name})").fetchall())
                places = ", ".join("?" * columns)
                added = database.executemany(f"INSERT INTO {table.name} VALUES ({places})", read(table)).rowcount
                _check(table, added)
            for statement in _statements("indexes.sql"):
                database.execute(statement)
        database.execute("COMMIT")


async def fill_postgresql(url: str, read: Read) -> None:
    """Make the tables in the database at `url`, unless they are there."""
    connection = await _asyncpg().connect(url, timeout=_PATIENCE)
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            if await connection.fetchval("SELECT to_regclass('flights') IS NULL"):
                for statement in _statements("schema.sql"):
                    await connection.execute(statement)
                for table in TABLES:
                    done = await connection.copy_to_table(table.name, source=_as_csv(read(table)), format="csv")
                    _check(table, int(done.rpartition(" ")[2]))
                for statement in _statements("indexes.sql"):
                    await connection.execute(statement)
    finally:
        await connection.close()


def _statements(file: str) -> list[str]:
    """Those of a file, without comments: none of our texts holds what looks like one."""
    text = re.sub(r"--.*", "", (_HERE / file).read_text(encoding="utf-8"))
    return [statement for statement in text.split(";") if statement.strip()]


def _check(table: Table, added: int) -> None:
    if added != table.size:
        raise ValueError(f"{table.file} has {added} rows where {table.size} belong")


async def _as_csv(rows: Iterator[Row]) -> AsyncIterator[bytes]:
    """As PostgreSQL's COPY takes them: what is None is an empty field."""
    while part := list(islice(rows, _PART)):
        text = io.StringIO()
        csv.writer(text).writerows(part)
        yield text.getvalue().encode()


def _asyncpg() -> Any:
    try:
        import asyncpg
    except ImportError:
        raise ConfigurationError("PostgreSQL needs a driver; run: pip install stanchion[postgresql]") from None
    return asyncpg
