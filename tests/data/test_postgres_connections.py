"""Pooled connections to a real PostgreSQL: what is broken off is nobody else's matter, and kinds share one number."""

import asyncio
from typing import Any

import pytest

from stanchion.data.database import Database
from stanchion.data.limits import Limits
from stanchion.data.postgres.driver import Postgres
from stanchion.data.postgres.pool import Connections, Shelf
from tests.data.conftest import LIMITS, run
from tests.data.passage import Passage
from tests.data.postgres_server import PostgresServer, needs_postgres

pytestmark = needs_postgres


async def one(database: Database) -> int | None:
    async with database.transaction() as transaction:
        return await transaction.one(int, "SELECT 1")


def test_a_transaction_broken_off_at_any_step_leaves_nothing(postgres: PostgresServer) -> None:
    async def broken_off(database: Database, steps: int) -> None:
        task = asyncio.create_task(one(database))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def work() -> None:
        database = Database("test", Postgres(postgres.url, LIMITS), connections=4)
        await database.open()
        for number in range(200):
            await broken_off(database, number % 9)
        assert await asyncio.gather(*(one(database) for _ in range(50))) == [1] * 50
        while database.statistics()["in_use"]:
            await asyncio.sleep(0.01)
        await database.close()

    run(work)


def test_kinds_of_connections_share_one_number(postgres: PostgresServer) -> None:
    async def used(connections: Connections, shelf: Shelf, most: list[int]) -> Any:
        connection = await connections.take(shelf)
        await connection.execute("SELECT pg_sleep(0.002)")
        most.append(await connection.fetchval("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'kinds'"))
        connections.give_back(connection)
        return connection

    async def work() -> None:
        connections = Connections(postgres.url, Limits(waiting=1000, patience=10.0), prepared=True, label="kinds")
        await connections.open(3)
        plain, special = connections.shelf(), connections.shelf()
        most: list[int] = []
        first = await used(connections, special, most)
        for shelf in (plain, special) * 5:
            await asyncio.gather(*(used(connections, shelf, most) for _ in range(5)))
        assert max(most) == 3
        mixed = [used(connections, (plain, special)[number % 2], most) for number in range(50)]
        assert len(set(await asyncio.gather(*mixed))) >= 2
        assert max(most) == 3
        assert first.is_closed()  # it had to make room
        assert connections.statistics()["connections"] <= 3
        await connections.close()

    run(work)


def test_idle_ones_that_were_lost_without_a_word_are_found(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stanchion.data.postgres.pool._SWEEP", 0.05)
    passage = Passage(postgres.port)
    url = f"postgresql://postgres@127.0.0.1:{passage.port}/postgres"

    async def work() -> None:
        connections = Connections(url, LIMITS, prepared=True, label="idle")
        await connections.open(3)
        shelf = connections.shelf()
        taken = [await connections.take(shelf) for _ in range(3)]
        for connection in taken:
            connections.give_back(connection)
        await asyncio.sleep(0.5)  # they are asked, and stay; the last one given back is the next to be used
        assert connections.statistics()["connections"] == 3
        assert await connections.take(shelf) is taken[2]
        connections.give_back(taken[2])
        passage.cut()
        passage.mend(lost=True)
        async with asyncio.timeout(30):
            while connections.statistics()["connections"]:
                await asyncio.sleep(0.05)
        found = await connections.take(shelf)
        assert await found.fetchval("SELECT 7") == 7
        connections.give_back(found)
        assert connections.statistics() == {"connections": 1, "in_use": 0, "waiting": 0}
        await connections.close()

    try:
        run(work)
    finally:
        passage.close()


def test_an_old_one_is_replaced_when_it_is_given_back(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stanchion.data.postgres.pool.LIFETIME", 0.3)

    async def work() -> None:
        connections = Connections(postgres.url, LIMITS, prepared=True, label="old")
        await connections.open(1)
        shelf = connections.shelf()
        first = await connections.take(shelf)
        connections.give_back(first)
        assert await connections.take(shelf) is first
        await asyncio.sleep(0.4)  # a fifth more than its time at the most, so that all of a worker's never go together
        connections.give_back(first)
        second = await connections.take(shelf)
        assert second is not first
        assert first.is_closed()
        assert connections.statistics()["connections"] == 1
        connections.give_back(second)
        await connections.close()

    run(work)


def test_a_kind_keeps_its_connections(postgres: PostgresServer) -> None:
    async def work() -> None:
        connections = Connections(postgres.url, LIMITS, prepared=True, label="kinds")
        await connections.open(4)
        plain, special = connections.shelf(), connections.shelf()
        taken = [await connections.take(shelf) for shelf in (plain, special)]
        for connection in taken:
            connections.give_back(connection)
        assert [await connections.take(shelf) for shelf in (plain, special)] == taken
        for connection in taken:
            connections.give_back(connection)
        await connections.close()

    run(work)
