"""A PostgreSQL for all tests of this folder, and databases of either kind."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from stanchion.data.database import Database
from stanchion.data.limits import Limits
from stanchion.data.postgres.driver import Postgres
from stanchion.data.sqlite.driver import SQLite
from tests.data.postgres_server import PostgresServer, needs_postgres

LIMITS = Limits(waiting=10_000, patience=10.0)
Opened = Callable[[], Any]


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One that no test may leave stopped."""
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def mortal() -> Iterator[PostgresServer]:
    """A PostgreSQL that may be killed."""
    server = PostgresServer("-c", "max_connections=30")
    yield server
    server.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=needs_postgres)])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    """Makes an open database of each kind, empty."""
    if request.param == "sqlite":
        return lambda: _opened(Database("test", SQLite(str(tmp_path / "test.db"), LIMITS)))
    server: PostgresServer = request.getfixturevalue("postgres")
    return lambda: _emptied(Database("test", Postgres(server.url, LIMITS)))


@asynccontextmanager
async def _opened(database: Database) -> AsyncIterator[Database]:
    await database.open()
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def _emptied(database: Database) -> AsyncIterator[Database]:
    async with _opened(database):
        await database.execute("DROP SCHEMA public CASCADE")
        await database.execute("CREATE SCHEMA public")
        yield database


def run(work: Callable[[], Awaitable[None]]) -> None:
    """In a loop of its own, for at most a minute."""

    async def bounded() -> None:
        async with asyncio.timeout(60):
            await work()

    asyncio.run(bounded())
