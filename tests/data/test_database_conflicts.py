"""Transactions that are in each other's way: one of them is told so, has had no effect, and may try again."""

import asyncio

import pytest

from stanchion.data.database import Database
from stanchion.data.failures import DatabaseConflict
from stanchion.data.postgres.driver import Postgres
from tests.data.conftest import LIMITS, run
from tests.data.postgres_server import PostgresServer, needs_postgres

pytestmark = needs_postgres
ADD = "UPDATE accounts SET money = money + $2 WHERE id = $1"


async def filled(database: Database) -> None:
    await database.open()
    await database.execute("DROP TABLE IF EXISTS accounts")
    await database.execute("CREATE TABLE accounts (id int PRIMARY KEY, money int NOT NULL)")
    await database.execute("INSERT INTO accounts VALUES (1, 100), (2, 100)")


def test_a_deadlock(postgres: PostgresServer) -> None:
    async def move(database: Database, ids: tuple[int, int], met: asyncio.Barrier) -> None:
        async with database.transaction() as transaction:
            await transaction.execute("SET LOCAL deadlock_timeout = '100ms'")
            await transaction.execute(ADD, ids[0], -10)
            await met.wait()
            await transaction.execute(ADD, ids[1], 10)

    async def work() -> None:
        database = Database("test", Postgres(postgres.url, LIMITS))
        await filled(database)
        met = asyncio.Barrier(2)
        outcomes = await asyncio.gather(*(move(database, ids, met) for ids in ((1, 2), (2, 1))), return_exceptions=True)
        [conflict] = [outcome for outcome in outcomes if outcome is not None]
        assert isinstance(conflict, DatabaseConflict)
        assert (conflict.status, conflict.code, conflict.headers) == (503, "database-conflict", {"Retry-After": "1"})
        assert sorted(await database.all(int, "SELECT money FROM accounts")) == [90, 110]  # one of the two
        await database.close()

    run(work)


def test_one_that_its_isolation_forbids(postgres: PostgresServer) -> None:
    async def repeatable(database: Database) -> None:
        async with database.transaction() as transaction:
            await transaction.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            assert await transaction.one(int, "SELECT money FROM accounts WHERE id = 1") == 100
            await database.execute(ADD, 1, 1)
            await transaction.execute(ADD, 1, 1000)

    async def work() -> None:
        database = Database("test", Postgres(postgres.url, LIMITS))
        await filled(database)
        with pytest.raises(DatabaseConflict):
            await repeatable(database)
        assert await database.one(int, "SELECT money FROM accounts WHERE id = 1") == 101
        await database.close()

    run(work)


def test_a_lock_that_is_not_to_be_waited_for(postgres: PostgresServer) -> None:
    async def work() -> None:
        database = Database("test", Postgres(postgres.url, LIMITS))
        await filled(database)
        async with database.transaction() as transaction:
            await transaction.execute(ADD, 1, 1)
            with pytest.raises(DatabaseConflict):
                await database.one(int, "SELECT money FROM accounts WHERE id = 1 FOR UPDATE NOWAIT")
        assert await database.one(int, "SELECT money FROM accounts WHERE id = 1 FOR UPDATE NOWAIT") == 101
        await database.close()

    run(work)
