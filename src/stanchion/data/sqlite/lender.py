"""aiosqlite's connections, a thread each, for another library. See `Lender`."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

from stanchion.data.failures import DatabaseBusy
from stanchion.data.lending import Connection
from stanchion.data.limits import Limits
from stanchion.data.sqlite.connection import STEPS, busy_timeout, failure_of, pragmas, uri_of
from stanchion.errors import ConfigurationError
from stanchion.offload.places import Places
from stanchion.tasks import Tasks, seen

_MOST = 5
"""Of threads, which share one interpreter lock."""
_EARLIER = 0.01
"""Seconds between the end of a wait for the lock and the end of its statement: that would cost the connection."""


class SQLiteLender:
    """Of one file. Who writes while another does waits for the lock until just before the deadline."""

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
        self._stopped: set[Connection] = set()
        self._behind = Tasks()

    def __repr__(self) -> str:
        return f"<SQLiteLender of {self._path}: {self._places!r}>"

    def statistics(self) -> dict[str, int]:
        """Connections open and in use, and calls that wait for one."""
        taken = self._places.taken
        return {"connections": len(self._idle) + taken, "in_use": taken, "waiting": self._places.waiting}

    async def take(self) -> Connection:
        """See `Lender`."""
        if not await self._places.enter(self.limits.patience_now()):
            raise DatabaseBusy(self._places.size)
        if self._idle:
            return self._idle.pop()
        return await self._places.fill(self._do_behind(self._connect()), self.give_back)

    def give_back(self, connection: Connection, error: BaseException | None = None) -> None:
        """See `Lender`: one whose statement may still run is closed behind."""
        if error is None and not self.is_closed(connection):
            self._idle.append(connection)
            self._places.leave()
            return
        self._do_behind(self._closed(connection))

    def is_closed(self, connection: Connection) -> bool:
        """See `Lender`."""
        try:
            connection.in_transaction  # noqa: B018  its only way to tell
        except (ValueError, self._driver.ProgrammingError):
            return True
        return False

    def before(self, connection: Connection, statement: str) -> str | None:
        """See `Lender`: a transaction's first write waits for the lock, and nothing else ends that."""
        if connection.in_transaction or statement.startswith("SELECT"):
            return None
        return busy_timeout(self.limits.patience_now() - _EARLIER)

    async def interrupt(self, connection: Connection) -> None:
        """See `Lender`: SQLite's own interrupt would miss a statement that has not begun."""
        self._stopped.add(connection)

    def failure(self, error: BaseException) -> Exception | None:
        """See `Lender`."""
        return failure_of(error)

    async def close(self) -> None:
        """Close all."""
        while self._behind:
            await asyncio.wait(self._behind)
        while self._idle:
            await self._idle.pop().close()

    async def _connect(self) -> Connection:
        try:
            connection = await self._driver.connect(uri_of(self._path), uri=True)
            try:
                await connection.executescript(pragmas(self.limits.patience))
                await connection.set_progress_handler(lambda: connection in self._stopped, STEPS)
            except BaseException:
                await connection.close()
                raise
        except self._driver.Error as error:
            raise failure_of(error) or error from error
        return connection

    async def _closed(self, connection: Connection) -> None:
        try:
            await self.interrupt(connection)
            await connection.close()
        finally:
            self._stopped.discard(connection)
            self._places.leave()

    def _do_behind(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = self._behind.begin(work)
        task.add_done_callback(seen)  # raised to whom it concerns
        return task


def _aiosqlite() -> Any:
    try:
        import aiosqlite
    except ImportError:
        raise ConfigurationError("SQLAlchemy on SQLite needs aiosqlite; install stanchion[sqlalchemy]") from None
    return aiosqlite
