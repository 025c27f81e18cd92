"""aiosqlite's connections, a thread each, for another library. See `Lender`."""

import asyncio
from collections.abc import Mapping
from typing import Any

from stanchion.data.failures import DatabaseBusy
from stanchion.data.lending import Connection
from stanchion.data.limits import Limits
from stanchion.data.sqlite.connection import failure_of, pragmas, uri_of
from stanchion.errors import ConfigurationError
from stanchion.offload.places import Places

_MOST = 5
"""Of threads, which share one interpreter lock."""


class SQLiteLender:
    """Of one file. Who writes while another does waits for the lock, `patience` at the most."""

    dialect = "sqlite+aiosqlite"
    options: Mapping[str, Any] = {}

    def __init__(self, path: str, limits: Limits) -> None:
        """`path` is a file's.

        Raises:
            ConfigurationError: aiosqlite is missing, or the database is in memory.
        """
        if path == ":memory:":
            raise ConfigurationError("a database in memory has one connection, which is not lent; give it a file")
        self.limits = limits
        self._driver = _aiosqlite()
        self._path = path
        self._places = Places(_MOST, limits.waiting)
        self._idle: list[Connection] = []
        self._closing: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<SQLiteLender of {self._path}: {self._places!r}>"

    async def take(self) -> Connection:
        """See `Lender`."""
        if not await self._places.enter(self.limits.patience_now()):
            raise DatabaseBusy(self._places.size)
        if self._idle:
            return self._idle.pop()
        try:
            return await self._connect()
        except BaseException:
            self._places.leave()
            raise

    def give_back(self, connection: Connection, error: BaseException | None = None) -> None:
        """See `Lender`: one whose statement may still run is closed behind."""
        if error is None and not self.is_closed(connection):
            self._idle.append(connection)
            self._places.leave()
            return
        closing = asyncio.get_running_loop().create_task(self._closed(connection))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def is_closed(self, connection: Connection) -> bool:
        """See `Lender`."""
        try:
            connection.in_transaction  # noqa: B018  its only way to tell
        except ValueError:
            return True
        return False

    async def interrupt(self, connection: Connection) -> None:
        """See `Lender`."""
        if not self.is_closed(connection):
            await connection.interrupt()

    def failure(self, error: BaseException) -> Exception | None:
        """See `Lender`."""
        return failure_of(error)

    async def close(self) -> None:
        """Close all."""
        while self._idle:
            await self._idle.pop().close()
        if self._closing:
            await asyncio.wait(self._closing)

    async def _connect(self) -> Connection:
        try:
            connection = await self._driver.connect(uri_of(self._path), uri=True)
            await connection.executescript(pragmas(self.limits.patience))
        except self._driver.Error as error:
            raise failure_of(error) or error from error
        return connection

    async def _closed(self, connection: Connection) -> None:
        try:
            await self.interrupt(connection)
            await connection.close()
        finally:
            self._places.leave()


def _aiosqlite() -> Any:
    try:
        import aiosqlite
    except ImportError:
        raise ConfigurationError("SQLAlchemy on SQLite needs aiosqlite; install stanchion[sqlalchemy]") from None
    return aiosqlite
