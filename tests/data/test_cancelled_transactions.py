"""What is cancelled at any point: transactions take effect whole or not at all, and streams leave nothing behind."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from stanchion.data.database import Database
from stanchion.data.failures import DatabaseTimeout
from stanchion.deadline import shorten
from tests.data.conftest import Opened
from tests.data.test_gathering_properties import database_of

CANCELLED = st.lists(st.one_of(st.none(), st.floats(0, 0.01)), min_size=1, max_size=20)
"""When each of some transactions is cancelled, in seconds after they all begin; None, it is not."""
LEFT = """
SELECT count(*) FROM pg_stat_activity
WHERE application_name = 'stanchion' AND state <> 'idle' AND pid <> pg_backend_pid()
"""


class Checkpoint(Struct):
    busy: int
    log: int
    checkpointed: int


async def move(database: Database, number: int) -> None:
    """Take something from one account to another, with a statement of its own for each."""
    async with database.transaction() as transaction:
        await transaction.execute("UPDATE accounts SET balance = balance - 1 WHERE id = $1", number % 3)
        await transaction.execute("INSERT INTO moves (number) VALUES ($1)", number)
        await transaction.execute("UPDATE accounts SET balance = balance + 1 WHERE id = $1", 3 + number % 3)


async def prepared(database: Database) -> None:
    await database.execute("CREATE TABLE accounts (id integer PRIMARY KEY, balance integer NOT NULL)")
    await database.execute("CREATE TABLE moves (number integer PRIMARY KEY)")
    for number in range(6):
        await database.execute("INSERT INTO accounts VALUES ($1, 0)", number)


async def moved(database: Database, cancelled: Sequence[float | None]) -> None:
    await database.execute("DELETE FROM moves")
    tasks = [asyncio.ensure_future(move(database, number)) for number in range(len(cancelled))]
    loop = asyncio.get_running_loop()
    for task, after in zip(tasks, cancelled, strict=True):
        if after is not None:
            loop.call_later(after, task.cancel)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    made = set(await database.all(int, "SELECT number FROM moves"))
    assert await database.one(int, "SELECT sum(balance) FROM accounts") == 0
    for number, outcome in enumerate(outcomes):
        assert outcome is None or isinstance(outcome, asyncio.CancelledError)
        assert outcome is not None or number in made
    await given_back(database)


async def given_back(database: Database) -> None:
    async with asyncio.timeout(5):
        while database.statistics()["in_use"] or database.statistics()["waiting"]:
            await asyncio.sleep(0.005)
        if "Postgres" in repr(database):
            while await database.one(int, LEFT):
                await asyncio.sleep(0.01)


def test_each_is_whole_or_has_not_been(opened: Opened) -> None:
    with database_of(opened) as (run, database):
        run(prepared(database))

        @given(CANCELLED)
        @settings(max_examples=40, deadline=None)
        def property_(cancelled: list[Any]) -> None:
            run(moved(database, cancelled))

        property_()


def test_one_whose_deadline_passes_is_undone(opened: Opened) -> None:
    async def late(database: Database) -> None:
        shorten(asyncio.get_running_loop().time() + 0.05)
        async with database.transaction() as transaction:
            await transaction.execute("INSERT INTO moves (number) VALUES (1)")
            await asyncio.sleep(0.1)
            await transaction.execute("INSERT INTO moves (number) VALUES (2)")

    async def work(database: Database) -> None:
        await prepared(database)
        for _ in range(3):
            with pytest.raises(DatabaseTimeout):
                await asyncio.create_task(late(database))
        await move(database, 3)
        assert await database.all(int, "SELECT number FROM moves") == [3]
        await given_back(database)

    with database_of(opened) as (run, database):
        run(work(database))


async def read(database: Database, number: int) -> int:
    """Some go to the end of a stream, some leave it."""
    seen = 0
    async for _ in database.stream(int, "SELECT number FROM moves ORDER BY number"):
        seen += 1
        if number % 3 == 0 and seen == 300:
            break
    return seen


async def left(database: Database, cancelled: Sequence[float | None]) -> None:
    tasks = [asyncio.ensure_future(read(database, number)) for number in range(len(cancelled))]
    loop = asyncio.get_running_loop()
    for task, after in zip(tasks, cancelled, strict=True):
        if after is not None:
            loop.call_later(after, task.cancel)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for number, outcome in enumerate(outcomes):
        assert isinstance(outcome, asyncio.CancelledError) or outcome == (1000 if number % 3 else 300)
    await given_back(database)
    if "SQLite" in repr(database):
        await database.execute("UPDATE accounts SET balance = 0")
        assert await database.one(Checkpoint, "PRAGMA wal_checkpoint(TRUNCATE)") == Checkpoint(0, 0, 0)  # nobody reads


def test_streams_that_are_left(opened: Opened) -> None:
    with database_of(opened) as (run, database):
        run(prepared(database))

        async def fill() -> None:
            async with database.transaction() as transaction:
                for number in range(1000):
                    await transaction.execute("INSERT INTO moves VALUES ($1)", number)

        run(fill())

        @given(CANCELLED)
        @settings(max_examples=30, deadline=None)
        def property_(cancelled: list[Any]) -> None:
            run(left(database, cancelled))

        property_()
