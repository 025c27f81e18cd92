"""A write inside a transaction that is not by the transaction: told at once, where it would wait for itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec import Struct

from stanchion.data.database import Database
from stanchion.data.sqlite.driver import SQLite
from stanchion.errors import ConfigurationError
from tests.data.conftest import LIMITS, run


class Note(Struct):
    id: int | None = None


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Database]:
    database = Database("test", SQLite(str(path), LIMITS))
    await database.open()
    try:
        await database.execute("CREATE TABLE notes (id integer PRIMARY KEY)")
        yield database
    finally:
        await database.close()


async def nested(database: Database) -> None:
    async with database.transaction():
        pass


def test_it_is_refused_and_the_transaction_goes_on(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path / "test.db") as database, database.transaction() as transaction:
            await transaction.execute("INSERT INTO notes VALUES (1)")
            for write in (
                database.execute("INSERT INTO notes VALUES (2)"),
                database.one(int, "INSERT INTO notes VALUES (2) RETURNING id"),
                database.insert(Note()),
                database.insert(Note(), alone=True),
                nested(database),
                asyncio.create_task(database.execute("INSERT INTO notes VALUES (2)")),
            ):
                with pytest.raises(ConfigurationError, match="SQLite has one writer; write by what"):
                    await write
            assert await database.all(int, "SELECT id FROM notes") == []  # as it was before
            assert await transaction.all(int, "SELECT id FROM notes") == [1]

    run(work)


def test_others_have_their_turn(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path / "one.db") as one, opened(tmp_path / "other.db") as other:
            done = asyncio.Event()

            async def later() -> None:
                await done.wait()
                await one.execute("INSERT INTO notes VALUES (7)")

            elsewhere = asyncio.create_task(one.execute("INSERT INTO notes VALUES (5)"))
            async with one.transaction():
                task = asyncio.create_task(later())
                async with other.transaction() as transaction:
                    await transaction.execute("INSERT INTO notes VALUES (1)")
                await other.execute("INSERT INTO notes VALUES (2)")
                with pytest.raises(ConfigurationError):
                    await one.execute("INSERT INTO notes VALUES (6)")
            done.set()
            await asyncio.gather(task, elsewhere)
            await one.execute("INSERT INTO notes VALUES (8)")
            assert await one.all(int, "SELECT id FROM notes ORDER BY id") == [5, 7, 8]
            assert await other.all(int, "SELECT id FROM notes ORDER BY id") == [1, 2]

    run(work)
