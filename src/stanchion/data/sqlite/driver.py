"""The driver: who reads, who writes, and in which order."""

import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from stanchion.data.driver import Exported, Found, Insertion, Lookup, Rows, Statements, Unreadable
from stanchion.data.failures import DatabaseBusy, DatabaseUnavailable, NotInserted
from stanchion.data.limits import Limits
from stanchion.data.sqlite.connection import Threaded, failure_of
from stanchion.data.sqlite.holding import holding, refuse_itself
from stanchion.data.sqlite.lender import SQLiteLender
from stanchion.data.sqlite.lookups import columns_of, found
from stanchion.data.sqlite.parameters import bound
from stanchion.errors import ConfigurationError
from stanchion.offload.places import Places

_READERS = 4
"""Threads of Python share one interpreter lock: more of them than the longest queries need bring nothing."""
_PART = 256
_READING = ("SELECT", "VALUES", "EXPLAIN", "WITH")


class SQLite:
    """One file in WAL mode: readers never wait for the writer. See `Driver`."""

    native: frozenset[type] = frozenset((int, float, str, bytes))
    """A date, a bool or a list is kept as text or a number, and converted."""

    batches = 1
    """Two threads take the interpreter's lock from each other: 22.4 us a read, 21.2 with one."""
    remote = False

    def __init__(self, path: str, limits: Limits) -> None:
        """`path` is a file's, or `:memory:`."""
        self._limits = limits
        alone = path == ":memory:"
        self._writer = Threaded(path, read_only=False, patience=limits.patience)
        readers = [Threaded(path, read_only=True, patience=limits.patience) for _ in range(0 if alone else _READERS)]
        self._readers = readers or [self._writer]
        self._idle = list(self._readers)
        self._reading = Places(len(self._readers), limits.waiting)
        self._writing = Places(1, limits.waiting)
        self._path = path
        self._lender: SQLiteLender | None = None

    def __repr__(self) -> str:
        return f"<SQLite {self._path}: {self._reading!r} to read, {self._writing!r} to write>"

    def statistics(self) -> dict[str, float]:
        """See `Driver`."""
        own = {
            "connections": len({*self._readers, self._writer}),
            "in_use": self._reading.taken + self._writing.taken,
            "waiting": self._reading.waiting + self._writing.waiting,
        }
        lent = {} if self._lender is None else self._lender.statistics()
        return {name: number + lent.get(name, 0) for name, number in own.items()}

    async def open(self, connections: int) -> None:
        """See `Driver`: a connection is a thread here, and their number its own matter. The writer makes the file, and
        puts it in WAL mode, before anybody reads.

        Raises:
            DatabaseUnavailable: another process keeps it locked.
            ConfigurationError: it is no database, or cannot be written to.
        """
        try:
            await self._writer.run(lambda connection: connection.execute("SELECT 1").fetchone())
        except (sqlite3.Error, DatabaseUnavailable) as error:
            reason = str(error.__cause__ or error)
            if "locked" in reason:
                raise
            raise ConfigurationError(
                f"the SQLite file {Path(self._path).absolute()}: {reason}; expected a database, or a name in a folder "
                "that is there, which this user may write to"
            ) from None

    def resize(self, connections: int) -> None:
        """See `Driver`."""

    async def capacity(self) -> None:
        """See `Driver`."""
        return None

    async def close(self) -> None:
        """See `Driver`."""
        for each in {*self._readers, self._writer}:
            await each.close()
        if self._lender is not None:
            await self._lender.close()

    def lender(self) -> SQLiteLender:
        """See `Driver`."""
        if self._lender is None:
            self._lender = SQLiteLender(self._path, self._limits)
        return self._lender

    async def check(self) -> None:
        """See `Driver`."""
        await self.fetch("SELECT 1", ())

    def place(self) -> None:
        """See `Driver`."""

    def writes(self) -> None:
        """See `Driver`."""
        refuse_itself(self)

    async def fetch(self, statement: str, values: Sequence[Any], *, first: bool = False) -> Rows:
        """See `Statements`: one that does not begin as a query goes to the writer."""
        if statement.lstrip()[:7].upper().startswith(_READING) and not _changes(statement):
            async with self._reader() as reader:
                return await reader.run(_fetch, statement, values, first)
        async with self._write():
            return await self._writer.run(_fetch, statement, values, first)

    async def execute(self, statement: str, values: Sequence[Any]) -> int:
        """See `Statements`."""
        async with self._write():
            return await self._writer.run(_execute, statement, values)

    async def stream(self, statement: str, values: Sequence[Any]) -> AsyncGenerator[Rows, None]:
        """See `Statements`: it has a reader to itself, which sees the database as it was at the start."""
        async with self._reader() as reader:
            cursor = await reader.run(lambda connection: connection.execute(*bound(statement, values)))
            try:
                while part := await reader.run(lambda connection: cursor.fetchmany(_PART)):
                    yield Rows(columns_of(cursor), part)
            finally:
                await reader.put_in_order(lambda connection: cursor.close())

    async def look_up(self, lookup: Lookup, keys: Sequence[Any]) -> Found:
        """See `Driver`."""
        async with self._reader() as reader:
            return await reader.run(found, lookup, keys)

    async def insert(self, rows: Sequence[Insertion]) -> Sequence[Rows | Exception]:
        """See `Driver`: one transaction, in which each row has a statement that fails by itself."""
        async with self._write():
            return await self._writer.run(_insert, rows)

    async def export(self, table: str, path: str, most: int) -> Exported:
        """See `Driver`: the file is there for any process to read."""
        if self._path == ":memory:":
            raise Unreadable("an SQLite database in memory is its process's own; give it a file")
        return Exported(table, self._path)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Statements]:
        """See `Driver`: nobody else writes meanwhile."""
        async with self._write():
            try:
                await self._writer.run(_execute, "BEGIN IMMEDIATE", ())
                with holding(self):
                    yield Transaction(self._writer)
            except BaseException:
                await self._writer.put_in_order(_roll_back)
                raise
            try:
                await self._writer.run(_execute, "COMMIT", ())
            except BaseException:
                await self._writer.put_in_order(_roll_back)
                raise

    @asynccontextmanager
    async def _reader(self) -> AsyncIterator[Threaded]:
        await self._enter(self._reading)
        reader = self._idle.pop()
        try:
            yield reader
        finally:
            self._idle.append(reader)
            self._reading.leave()

    @asynccontextmanager
    async def _write(self) -> AsyncIterator[None]:
        refuse_itself(self)
        await self._enter(self._writing)
        try:
            yield
        finally:
            self._writing.leave()

    async def _enter(self, places: Places) -> None:
        if not await places.enter(self._limits.patience_now()):
            raise DatabaseBusy(places.size)


class Transaction:
    """The statements of one transaction, on the writer's connection. See `Statements`."""

    def __init__(self, writer: Threaded) -> None:
        self._writer = writer

    async def fetch(self, statement: str, values: Sequence[Any], *, first: bool = False) -> Rows:
        """See `Statements`."""
        return await self._writer.run(_fetch, statement, values, first)

    async def execute(self, statement: str, values: Sequence[Any]) -> int:
        """See `Statements`."""
        return await self._writer.run(_execute, statement, values)

    async def stream(self, statement: str, values: Sequence[Any]) -> AsyncGenerator[Rows, None]:
        """See `Statements`: all at once, since the transaction may go on to change what is read."""
        yield await self.fetch(statement, values)


def _changes(statement: str) -> bool:
    """Whether a query may change something: `WITH … INSERT`, for one. A word in a text costs it the reader, no more."""
    words = statement.upper()
    return any(word in words for word in ("INSERT ", "UPDATE ", "DELETE ", "REPLACE "))


def _fetch(connection: sqlite3.Connection, statement: str, values: Sequence[Any], first: bool = False) -> Rows:
    cursor = connection.execute(*bound(statement, values))
    columns = columns_of(cursor)
    if not first:
        return Rows(columns, cursor.fetchall())
    rows = cursor.fetchmany(1)
    cursor.close()  # a statement that is not at its end keeps what it reads, or its commit, waiting
    return Rows(columns, rows)


def _execute(connection: sqlite3.Connection, statement: str, values: Sequence[Any]) -> int:
    return max(0, connection.execute(*bound(statement, values)).rowcount)


def _insert(connection: sqlite3.Connection, rows: Sequence[Insertion]) -> Sequence[Rows | Exception]:
    outcomes: list[Rows | Exception] = []
    connection.execute("BEGIN IMMEDIATE")
    try:
        for row in rows:
            try:
                inserted = _fetch(connection, row.statement, row.values)
                outcomes.append(inserted if inserted.rows else NotInserted())
            except sqlite3.IntegrityError as error:
                outcomes.append(failure_of(error) or error)
            except Exception as error:  # such as a number that SQLite has no room for
                if str(error) == "interrupted" or not connection.in_transaction:
                    raise
                outcomes.append(error)
        connection.execute("COMMIT")
    except BaseException:
        _roll_back(connection)
        raise
    return outcomes


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.set_progress_handler(None, 0)  # the deadline that ended the transaction must not end this
        connection.execute("ROLLBACK")
