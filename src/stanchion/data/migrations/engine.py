"""Connections to migrate with: by themselves, without the app's bounds of time, and one at a time."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from stanchion.data.postgres.failures import driver_module
from stanchion.errors import ConfigurationError

_SQLITE = "sqlite://"
_PATIENCE = 60
"""Seconds to wait for another one that migrates."""
_LOCKS = 5
"""Seconds that a change may wait for a table: meanwhile everybody else waits behind it."""
_KEY = int.from_bytes(b"stanchio", "big") >> 1
"""Of the advisory lock, which all migrations of a database take; a bigint."""


async def connected(url: str, work: Callable[[Connection], None]) -> None:
    """Call `work` with a connection to the database at `url`, which is one that `app.database` takes.

    Raises:
        ConfigurationError: it is in memory, or the driver is missing.
    """
    if url.startswith(_SQLITE):
        with _sqlite(url).connect() as connection:
            work(connection)
        return
    async with _postgres(url).connect() as remote:
        await remote.run_sync(work)


def _sqlite(url: str) -> Engine:
    if ":memory:" in url:
        raise ConfigurationError("the database is in memory, where nothing of it stays; create its tables at start")
    engine = create_engine(url, connect_args={"timeout": _PATIENCE}, poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def connected(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # Python's sqlite3 begins no transaction before a CREATE TABLE

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _postgres(url: str) -> AsyncEngine:
    driver = driver_module()

    async def connect() -> Any:
        return await driver.connect(url, timeout=_PATIENCE)

    return create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)


def alone(connection: Connection) -> None:
    """Have no other migration of this database run until the connection is closed; SQLite sees to it by itself."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET lock_timeout = '{_PATIENCE}s'"))
        connection.execute(text(f"SELECT pg_advisory_lock({_KEY})"))
        connection.execute(text(f"SET lock_timeout = '{_LOCKS}s'"))
        connection.commit()
