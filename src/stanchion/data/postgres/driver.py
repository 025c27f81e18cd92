"""The driver: statements on pooled connections."""

import asyncio
import datetime
import decimal
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from random import random
from time import monotonic
from typing import TYPE_CHECKING, Any

from stanchion.data.budget import Capacity
from stanchion.data.driver import Found, Insertion, Limits, Lookup, Rows, Statements
from stanchion.data.failures import ConstraintViolated, DatabaseBusy, DatabaseTimeout, DatabaseUnavailable
from stanchion.data.postgres.lookups import Lookups
from stanchion.deadline import remaining
from stanchion.errors import ConfigurationError
from stanchion.offload.places import Places

if TYPE_CHECKING:
    import asyncpg

LIFETIME = 1800.0
"""Seconds after which a connection is replaced, plus up to a fifth so that they never go together: after a failover the
old ones would stay where they are."""
IDLE = 300.0
_CHECK = 1.0
_CANCEL = 1.0
"""Seconds for the server to say that it has cancelled a statement."""
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

    remote = True

    def __init__(self, url: str, limits: Limits, *, prepared: bool = True, label: str = "stanchion") -> None:
        """`label` is what the server is told we are, by which our connections are told from others'; `prepared` keeps
        statements prepared on each connection; not through PgBouncer in transaction mode.

        Raises:
            ConfigurationError: the driver is missing.
        """
        self._driver = _asyncpg()
        self._url = url
        self._limits = limits
        self._prepared = prepared
        self._label = label[:63]
        self._places = Places(0, limits.waiting)
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._lookups = Lookups()
        self._made: set[asyncio.Task[Any]] = set()  # connections that whoever wanted them has left to others
        self._ends: dict[int, float] = {}  # when each connection has lived long enough, by its server process

    def __repr__(self) -> str:
        return f"<Postgres {redacted(self._url)}: {self._places!r}>"

    def statistics(self) -> dict[str, float]:
        """See `Driver`."""
        size = 0 if self._pool is None else self._pool.get_size()
        return {"connections": size, "in_use": self._places.taken, "waiting": self._places.waiting}

    async def open(self, connections: int) -> None:
        """See `Driver`. Connections are made when they are first needed.

        Raises:
            ConfigurationError: the URL is none.
        """
        self._places.size = connections
        try:
            self._pool = await self._driver.create_pool(
                self._url,
                min_size=0,
                max_size=connections,
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
        """See `Driver`."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            try:
                async with asyncio.timeout(self._limits.patience):
                    await pool.close()
            except TimeoutError:
                pool.terminate()

    async def capacity(self) -> Capacity | None:
        """See `Driver`."""
        try:
            async with asyncio.timeout(_CHECK):
                most, reserved, others = (await self.fetch(_CAPACITY, (self._label,))).rows[0]
        except (DatabaseUnavailable, DatabaseBusy, DatabaseTimeout, TimeoutError):
            return None
        return Capacity(most=most, reserved=reserved, others=others)

    async def check(self) -> None:
        """See `Driver`."""
        async with asyncio.timeout(_CHECK):
            await self.fetch("SELECT 1", ())

    async def fetch(self, statement: str, values: Sequence[Any]) -> Rows:
        """See `Statements`."""
        async with self._connection() as connection:
            return await _fetch(connection, statement, values)

    async def execute(self, statement: str, values: Sequence[Any]) -> int:
        """See `Statements`."""
        async with self._connection() as connection:
            return changed(await connection.execute(statement, *values, timeout=remaining()))

    async def stream(self, statement: str, values: Sequence[Any]) -> AsyncIterator[Rows]:
        """See `Statements`."""
        async with self.transaction() as transaction:
            async for part in transaction.stream(statement, values):
                yield part

    async def look_up(self, lookup: Lookup, keys: Sequence[Any]) -> Found:
        """See `Driver`."""
        async with self._connection() as connection:
            return await self._lookups.found(connection, lookup, keys)

    async def insert(self, rows: Sequence[Insertion]) -> Sequence[Rows | Exception]:
        """See `Driver`: those of one statement go as one pipeline with one commit; if that fails, each alone."""
        outcomes: dict[int, Rows | Exception] = {}
        by_statement: dict[str, list[int]] = {}
        for place, row in enumerate(rows):
            by_statement.setdefault(row.statement, []).append(place)
        for statement, places in by_statement.items():
            values = [rows[place].values for place in places]
            for place, outcome in zip(places, await self._inserted(statement, values), strict=True):
                outcomes[place] = outcome
        return [outcomes[place] for place in range(len(rows))]

    async def _inserted(self, statement: str, values: list[tuple[Any, ...]]) -> list[Rows | Exception]:
        try:
            async with self._connection() as connection:
                records = await connection.fetchmany(statement, values)
                columns = tuple(records[0].keys())
                return [Rows(columns, [record]) for record in records]
        except (DatabaseUnavailable, DatabaseBusy, DatabaseTimeout):
            raise
        except Exception as error:
            if len(values) == 1:
                return [error]
        return [(await self._inserted(statement, [each]))[0] for each in values]

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Statements]:
        """See `Driver`."""
        async with self._connection() as connection, connection.transaction():
            yield Transaction(connection, self._translated)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        """A connection, for as long as the block lasts; what goes wrong in it is translated."""
        pool = self._pool
        if pool is None:
            raise DatabaseUnavailable("the database is not open")
        patience = self._limits.patience_now()
        if not await self._places.enter(patience):
            raise DatabaseBusy(self._places.size)
        try:
            with self._translated():
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

    @contextmanager
    def _translated(self) -> Iterator[None]:
        driver = self._driver
        try:
            yield
        except driver.IntegrityConstraintViolationError as error:
            raise ConstraintViolated(error.constraint_name or error.column_name or "a constraint") from error
        except (TimeoutError, driver.QueryCanceledError) as error:
            raise DatabaseTimeout from error
        except (OSError, driver.PostgresConnectionError, driver.CannotConnectNowError) as error:
            raise DatabaseUnavailable from error
        except (driver.TooManyConnectionsError, driver.OperatorInterventionError) as error:
            raise DatabaseUnavailable from error
        except driver.InterfaceError as error:
            if "connection" not in str(error) and "pool" not in str(error):
                raise
            raise DatabaseUnavailable from error


class Transaction:
    """The statements of one transaction. See `Statements`."""

    def __init__(self, connection: Any, translated: Any) -> None:
        self._connection = connection
        self._translated = translated

    async def fetch(self, statement: str, values: Sequence[Any]) -> Rows:
        """See `Statements`."""
        with self._translated():
            return await _fetch(self._connection, statement, values)

    async def execute(self, statement: str, values: Sequence[Any]) -> int:
        """See `Statements`."""
        with self._translated():
            return changed(await self._connection.execute(statement, *values, timeout=remaining()))

    async def stream(self, statement: str, values: Sequence[Any]) -> AsyncIterator[Rows]:
        """See `Statements`."""
        with self._translated():
            cursor = await self._connection.cursor(statement, *values)
            while rows := await cursor.fetch(_PART):
                yield Rows(tuple(rows[0].keys()), rows)


async def _fetch(connection: Any, statement: str, values: Sequence[Any]) -> Rows:
    records = await connection.fetch(statement, *values, timeout=remaining())
    return Rows(tuple(records[0].keys()) if records else (), records)


def changed(tag: str) -> int:
    """The rows a command tag tells of: 3 of `UPDATE 3`, 1 of `INSERT 0 1`, 0 of `CREATE TABLE`."""
    last = tag.rpartition(" ")[2]
    return int(last) if last.isdigit() else 0


def redacted(url: str) -> str:
    """The URL without a password."""
    scheme, separator, rest = url.partition("://")
    credentials, at, place = rest.rpartition("@")
    user, colon, _ = credentials.partition(":")
    return f"{scheme}{separator}{user}{colon and ':***'}{at}{place}"


def _asyncpg() -> Any:
    try:
        import asyncpg
    except ImportError:
        raise ConfigurationError("PostgreSQL needs a driver; install stanchion[postgresql]") from None
    return asyncpg
