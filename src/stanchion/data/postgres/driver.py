"""The driver: statements on pooled connections."""

import asyncio
import datetime
import decimal
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from stanchion.data.budget import Capacity
from stanchion.data.driver import FAILURES, Exported, Found, Insertion, Lookup, Rows, Statements
from stanchion.data.limits import Limits, time_left
from stanchion.data.postgres.export import export
from stanchion.data.postgres.insertions import inserted, placed, placing
from stanchion.data.postgres.lender import PostgresLender
from stanchion.data.postgres.lookups import Lookups
from stanchion.data.postgres.pool import Connections

_CHECK = 1.0
_CAPACITY = """
SELECT current_setting('max_connections')::int, current_setting('superuser_reserved_connections')::int,
    (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> $1)
"""
_PART = 256
"""Rows of a stream that are fetched at one time."""


class Postgres:
    """One server, by its URL. See `Driver`."""

    native: frozenset[type] = frozenset(
        (
            *(bool, int, float, str, bytes, decimal.Decimal, uuid.UUID),
            *(datetime.date, datetime.time, datetime.datetime, datetime.timedelta),
        )
    )

    batches = 2
    """While one answer is read the server works at the next."""
    remote = True

    def __init__(self, url: str, limits: Limits, *, prepared: bool = True, label: str = "stanchion") -> None:
        """`label` is what the server is told we are, by which our connections are told from others'; `prepared` keeps
        statements prepared on each connection; not through PgBouncer in transaction mode.

        Raises:
            ConfigurationError: the driver is missing.
        """
        self._label = label[:63]
        self._prepared = prepared
        self._connections = Connections(url, limits, prepared=prepared, label=self._label)
        self._lookups = Lookups()
        self._limits = limits
        self._lender: PostgresLender | None = None

    def __repr__(self) -> str:
        return f"<Postgres {self._connections!r}>"

    def statistics(self) -> dict[str, float]:
        """See `Driver`."""
        return self._connections.statistics()

    async def open(self, connections: int) -> None:
        """See `Driver`. Connections are made when they are first needed.

        Raises:
            ConfigurationError: the URL is none.
        """
        await self._connections.open(connections)

    def resize(self, connections: int) -> None:
        """See `Driver`."""
        self._connections.resize(connections)

    async def close(self) -> None:
        """See `Driver`."""
        await self._connections.close()

    def break_off(self) -> None:
        """Raise DatabaseUnavailable in all that waits for the server, which is gone."""
        self._connections.break_off()

    def lender(self) -> PostgresLender:
        """See `Driver`."""
        if self._lender is None:
            self._lender = PostgresLender(self._connections, self._limits, prepared=self._prepared)
        return self._lender

    async def capacity(self) -> Capacity | None:
        """See `Driver`: not through PgBouncer, whose connections to the server are not ours to count."""
        if not self._prepared:
            return None
        try:
            async with asyncio.timeout(_CHECK):
                most, reserved, others = (await self.fetch(_CAPACITY, (self._label,))).rows[0]
        except (*FAILURES, TimeoutError):
            return None
        return Capacity(most=most, reserved=reserved, others=others)

    async def check(self) -> None:
        """See `Driver`."""
        async with asyncio.timeout(_CHECK):
            await self.fetch("SELECT 1", ())

    def place(self) -> None:
        """See `Driver`."""

    def writes(self) -> None:
        """See `Driver`."""

    async def fetch(self, statement: str, values: Sequence[Any], *, first: bool = False) -> Rows:
        """See `Statements`."""
        async with self._connections.taken() as connection:
            return await _fetch(connection, statement, values, first)

    async def execute(self, statement: str, values: Sequence[Any]) -> int:
        """See `Statements`."""
        async with self._connections.taken() as connection:
            return changed(await connection.execute(statement, *values, timeout=time_left()))

    async def stream(self, statement: str, values: Sequence[Any]) -> AsyncGenerator[Rows, None]:
        """See `Statements`."""
        async with self.transaction() as transaction:
            async for part in transaction.stream(statement, values):
                yield part

    async def look_up(self, lookup: Lookup, keys: Sequence[Any]) -> Found:
        """See `Driver`."""
        async with self._connections.taken() as connection:
            return await self._lookups.found(connection, lookup, keys)

    async def insert(self, rows: Sequence[Insertion]) -> Sequence[Rows | Exception]:
        """See `Driver`: those of one statement go as one pipeline with one commit."""
        return await inserted(self._insert, rows)

    async def _insert(self, statement: str, values: list[tuple[Any, ...]]) -> list[Rows | Exception]:
        async with self._connections.taken() as connection:
            return placed(await connection.fetchmany(*placing(statement, values), timeout=time_left()), len(values))

    async def export(self, table: str, path: str, most: int) -> Exported:
        """See `Driver`."""
        async with self._connections.taken() as connection:
            return await export(connection, table, path, most)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Statements]:
        """See `Driver`."""
        async with self._connections.taken() as connection, connection.transaction():
            yield Transaction(connection, self._connections.translated)


class Transaction:
    """The statements of one transaction, one at a time, whichever tasks ask them. See `Statements`."""

    def __init__(self, connection: Any, translated: Any) -> None:
        self._connection = connection
        self._translated = translated
        self._turn = asyncio.Lock()

    async def fetch(self, statement: str, values: Sequence[Any], *, first: bool = False) -> Rows:
        """See `Statements`."""
        with self._translated():
            async with self._turn:
                return await _fetch(self._connection, statement, values, first)

    async def execute(self, statement: str, values: Sequence[Any]) -> int:
        """See `Statements`."""
        with self._translated():
            async with self._turn:
                return changed(await self._connection.execute(statement, *values, timeout=time_left()))

    async def stream(self, statement: str, values: Sequence[Any]) -> AsyncGenerator[Rows, None]:
        """See `Statements`: between two parts others have their turn."""
        with self._translated():
            async with self._turn:
                cursor = await self._connection.cursor(statement, *values, timeout=time_left())
            while rows := await self._part(cursor):
                yield Rows(tuple(rows[0].keys()), rows)

    async def _part(self, cursor: Any) -> Any:
        async with self._turn:
            return await cursor.fetch(_PART, timeout=time_left())


async def _fetch(connection: Any, statement: str, values: Sequence[Any], first: bool) -> Rows:
    if first:
        record = await connection.fetchrow(statement, *values, timeout=time_left())
        return Rows((), []) if record is None else Rows(tuple(record.keys()), [record])
    records = await connection.fetch(statement, *values, timeout=time_left())
    return Rows(tuple(records[0].keys()) if records else (), records)


def changed(tag: str) -> int:
    """The rows a command tag tells of: 3 of `UPDATE 3`, 1 of `INSERT 0 1`, 0 of `CREATE TABLE`."""
    last = tag.rpartition(" ")[2]
    return int(last) if last.isdigit() else 0
