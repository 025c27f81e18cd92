"""The pooled connections of one worker: made when they are needed, given back whole, replaced in time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from random import random
from time import monotonic
from typing import TYPE_CHECKING, Any

from stanchion.data.driver import Limits
from stanchion.data.failures import DatabaseBusy, DatabaseUnavailable
from stanchion.data.postgres.failures import driver_module, translated
from stanchion.errors import ConfigurationError
from stanchion.offload.places import Places

if TYPE_CHECKING:
    import asyncpg

LIFETIME = 1800.0
"""Seconds after which a connection is replaced, plus up to a fifth so that they never go together: after a failover the
old ones would stay where they are."""
IDLE = 300.0
_CANCEL = 1.0
"""Seconds for the server to say that it has cancelled a statement."""


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
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._made: set[asyncio.Task[Any]] = set()  # connections that whoever wanted them has left to others
        self._ends: dict[int, float] = {}  # when each connection has lived long enough, by its server process

    def __repr__(self) -> str:
        return f"<Connections {redacted(self._url)}: {self._places!r}>"

    def statistics(self) -> dict[str, float]:
        """Those open and in use, and how many calls wait for one."""
        size = 0 if self._pool is None else self._pool.get_size()
        return {"connections": size, "in_use": self._places.taken, "waiting": self._places.waiting}

    async def open(self, size: int) -> None:
        """Have up to `size` connections from now on.

        Raises:
            ConfigurationError: the URL is none.
        """
        self._places.size = size
        try:
            self._pool = await self._driver.create_pool(
                self._url,
                min_size=0,
                max_size=size,
                max_inactive_connection_lifetime=IDLE,
                statement_cache_size=100 if self._prepared else 0,
                command_timeout=self._limits.patience,
                timeout=self._limits.patience,
                init=self._prepare,
                reset=self._reset,
                server_settings={"application_name": self._label},
            )
        except (ValueError, self._driver.InterfaceError) as error:
            raise ConfigurationError(f"the database {redacted(self._url)}: {error}") from None

    async def close(self) -> None:
        """Close all, after what runs or the patience for it."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            try:
                async with asyncio.timeout(self._limits.patience):
                    await pool.close()
            except TimeoutError:
                pool.terminate()

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[Any]:
        """A connection, for as long as the block lasts; what goes wrong in it is translated."""
        pool = self._pool
        if pool is None:
            raise DatabaseUnavailable("the database is not open")
        patience = self._limits.patience_now()
        if not await self._places.enter(patience):
            raise DatabaseBusy(self._places.size)
        try:
            with self.translated():
                connection = await self._acquired(pool, patience)
                try:
                    yield connection
                finally:
                    await self._released(pool, connection)
        finally:
            self._places.leave()

    async def _acquired(self, pool: Any, patience: float) -> Any:
        if pool.get_idle_size():
            return await pool.acquire(timeout=patience)
        made = asyncio.ensure_future(pool.acquire(timeout=patience))
        try:  # who leaves meanwhile does not break off the making of a connection, of which others have the use
            return await asyncio.shield(made)
        except asyncio.CancelledError:
            self._made.add(made)
            made.add_done_callback(lambda _: self._keep(pool, made))
            raise

    def _keep(self, pool: Any, made: "asyncio.Task[Any]") -> None:
        self._made.discard(made)
        if not made.cancelled() and made.exception() is None:
            keeping = asyncio.ensure_future(self._released(pool, made.result()))
            self._made.add(keeping)
            keeping.add_done_callback(self._made.discard)

    async def _released(self, pool: Any, connection: Any) -> None:
        """Give a connection back; one whose cancelled statement does not end is closed, and the server notices."""
        with suppress(TimeoutError, OSError, self._driver.PostgresError, self._driver.InterfaceError):
            await pool.release(connection, timeout=_CANCEL)

    async def _prepare(self, connection: Any) -> None:
        """What holds for a connection's life. A cancellation that comes before its statement is lost on the way; then
        the server ends it by time, or once it sees that the connection is closed (PostgreSQL 14 and later)."""
        if self._prepared:  # through PgBouncer it would be set for whoever has the server connection next
            await connection.execute(f"SET statement_timeout = {int(self._limits.patience * 1000)}")
            if connection.get_server_version().major >= 14:
                await connection.execute("SET client_connection_check_interval = 500")

    async def _reset(self, connection: Any) -> None:
        """Leave nothing of a block to the next one, without a round trip where nothing is left."""
        if connection.is_in_transaction():
            await connection.execute("ROLLBACK")
        process = connection.get_server_pid()
        end = self._ends.get(process)
        if end is None:
            if len(self._ends) > 4 * self._places.size:
                self._ends.clear()
            self._ends[process] = monotonic() + LIFETIME * (1 + random() / 5)
        elif monotonic() > end:
            del self._ends[process]
            await connection.close()


def redacted(url: str) -> str:
    """The URL without a password."""
    scheme, separator, rest = url.partition("://")
    credentials, at, place = rest.rpartition("@")
    user, colon, _ = credentials.partition(":")
    return f"{scheme}{separator}{user}{colon and ':***'}{at}{place}"
