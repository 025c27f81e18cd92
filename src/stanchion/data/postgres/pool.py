"""The pooled connections of one worker: made when they are needed, given back whole, replaced in time.

asyncpg has a pool, which takes 40 µs for each use of a connection and gives it back only after its user has waited for
that; this one takes 4. The last one given back is used next, so that those not needed grow old and are closed. Who is
cancelled does not wait either: the connection is brought in order behind, and counts as taken until it is.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from random import random
from time import monotonic
from typing import Any

from stanchion.data.driver import Limits
from stanchion.data.failures import DatabaseBusy, DatabaseUnavailable
from stanchion.data.postgres.failures import driver_module, translated
from stanchion.errors import ConfigurationError
from stanchion.offload.places import Places

Connection = Any
"""asyncpg's, which is imported where it is needed."""
LIFETIME = 1800.0
"""Seconds after which a connection is replaced, plus up to a fifth so that they never go together: after a failover the
old ones would stay where they are."""
IDLE = 300.0
"""Seconds after which one that nobody has used is closed."""
_SWEEP = 30.0
_ORDER = 1.0
"""Seconds for the server to say that it has cancelled a statement, or to roll back."""


class Connections:
    """Those to one server, by its URL."""

    def __init__(self, url: str, limits: Limits, *, prepared: bool, label: str) -> None:
        """See `Postgres`.

        Raises:
            ConfigurationError: the driver is missing.
        """
        self._driver = driver_module()
        self.translated = partial(translated, self._driver)
        self._url = url
        self._limits = limits
        self._prepared = prepared
        self._label = label
        self._places = Places(0, limits.waiting)
        self._idle: list[tuple[Connection, float]] = []  # and since when
        self._ends: dict[Connection, float] = {}  # all there are, and when each has lived long enough
        self._behind: set[asyncio.Task[Any]] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._open = False

    def __repr__(self) -> str:
        return f"<Connections {redacted(self._url)}: {self._places!r}>"

    def statistics(self) -> dict[str, float]:
        """Those open and in use, and how many calls wait for one."""
        return {"connections": len(self._ends), "in_use": self._places.taken, "waiting": self._places.waiting}

    async def open(self, size: int) -> None:
        """Have up to `size` connections from now on."""
        self._places.size = size
        self._open = True
        self._sweep()

    async def close(self) -> None:
        """Close all, after what runs or the patience for it."""
        self._open = False
        if self._sweeper is not None:
            self._sweeper.cancel()
        end = monotonic() + self._limits.patience
        while self._places.taken and monotonic() < end:
            await asyncio.sleep(0.01)
        self._idle.clear()
        for task in self._behind:
            task.cancel()
        async with asyncio.TaskGroup() as closing:
            for connection in list(self._ends):
                closing.create_task(self._closed(connection))

    def break_off(self) -> None:
        """Close all at once, with whatever waits for an answer by them: the server is gone."""
        for connection in list(self._ends):
            connection.terminate()

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[Connection]:
        """A connection, for as long as the block lasts; what goes wrong in it is translated.

        Raises:
            DatabaseBusy: all were in use for as long as the request may wait.
            DatabaseUnavailable: the server is not there.
            ConfigurationError: the URL is none.
        """
        if not self._open:
            raise DatabaseUnavailable("the database is not open")
        patience = self._limits.patience_now()
        if not await self._places.enter(patience):
            raise DatabaseBusy(self._places.size)
        with self.translated():
            connection = self._at_hand() or await self._made(patience)
            try:
                yield connection
            except BaseException as error:
                if isinstance(error, self._driver.PostgresError) and not connection.is_in_transaction():
                    self._keep(connection)  # the server has answered, with a refusal
                else:
                    self._do_behind(self._put_in_order(connection))
                raise
            else:
                if connection.is_in_transaction():
                    self._do_behind(self._put_in_order(connection))
                else:
                    self._keep(connection)

    def _at_hand(self) -> Connection | None:
        while self._idle:
            connection, _ = self._idle.pop()
            if not connection.is_closed():
                return connection
            self._ends.pop(connection, None)
        return None

    async def _made(self, patience: float) -> Connection:
        """A new one. Who leaves meanwhile does not break off its making, of which others have the use."""
        made = self._do_behind(self._connect())
        try:
            async with asyncio.timeout(patience):
                return await asyncio.shield(made)
        except (asyncio.CancelledError, TimeoutError):
            made.add_done_callback(self._left)
            raise
        except BaseException:
            self._places.leave()
            raise

    def _left(self, made: asyncio.Task[Connection]) -> None:
        if made.cancelled() or made.exception() is not None:
            self._places.leave()
        else:
            self._keep(made.result())

    async def _connect(self) -> Connection:
        try:
            connection: Connection = await self._driver.connect(
                self._url,
                statement_cache_size=100 if self._prepared else 0,
                command_timeout=self._limits.patience,
                timeout=self._limits.patience,
                server_settings={"application_name": self._label},
            )
        except (ValueError, self._driver.ClientConfigurationError) as error:
            raise ConfigurationError(f"the database {redacted(self._url)}: {error}") from None
        self._ends[connection] = monotonic() + LIFETIME * (1 + random() / 5)
        connection.add_termination_listener(self._forget)
        if self._prepared:  # through PgBouncer it would be set for whoever has the server connection next
            await self._prepare(connection)
        return connection

    async def _prepare(self, connection: Connection) -> None:
        """What holds for a connection's life. A cancellation that comes before its statement is lost on the way; then
        the server ends it by time, or once it sees that the connection is closed (PostgreSQL 14 and later)."""
        settings = {"statement_timeout": int(self._limits.patience * 1000)}
        if connection.get_server_version().major >= 14:
            settings["client_connection_check_interval"] = 500
        try:
            await connection.execute("; ".join(f"SET {name} = {value}" for name, value in settings.items()))
        except BaseException:
            connection.terminate()
            raise

    def _forget(self, connection: Connection) -> None:
        self._ends.pop(connection, None)

    def _keep(self, connection: Connection) -> None:
        """Give it, and its place, to the next one."""
        now = monotonic()
        if connection.is_closed():
            self._places.leave()
        elif self._open and now < self._ends.get(connection, 0) and self._places.taken <= self._places.size:
            self._idle.append((connection, now))
            self._places.leave()
        else:
            self._do_behind(self._closed(connection)).add_done_callback(lambda _: self._places.leave())

    async def _put_in_order(self, connection: Connection) -> None:
        """Wait until a statement that was broken off has ended, and a transaction too. The cancellation may reach the
        server only after that, and end what comes next: this, and nobody's statement."""
        try:
            async with asyncio.timeout(_ORDER):
                await connection.execute("ROLLBACK" if connection.is_in_transaction() else "SELECT")
        except self._driver.PostgresError:
            if connection.is_in_transaction():
                connection.terminate()
        except BaseException:
            connection.terminate()
            raise
        finally:
            self._keep(connection)

    async def _closed(self, connection: Connection) -> None:
        try:
            await connection.close(timeout=_ORDER)
        except (TimeoutError, OSError, self._driver.PostgresError, self._driver.InterfaceError):
            connection.terminate()
        finally:
            self._forget(connection)

    def _sweep(self) -> None:
        """Close those that nobody has used for long; the oldest are first in the list."""
        old = monotonic() - IDLE
        while self._idle and self._idle[0][1] < old:
            self._do_behind(self._closed(self._idle.pop(0)[0]))
        self._sweeper = asyncio.get_running_loop().call_later(_SWEEP, self._sweep)

    def _do_behind(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._behind.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._behind.discard(task)
        if not task.cancelled():
            task.exception()  # it was raised to whom it concerns, or the connection is closed by now


def redacted(url: str) -> str:
    """The URL without a password."""
    scheme, separator, rest = url.partition("://")
    credentials, at, place = rest.rpartition("@")
    user, colon, _ = credentials.partition(":")
    return f"{scheme}{separator}{user}{colon and ':***'}{at}{place}"
