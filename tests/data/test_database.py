"""What a handler reads and writes, on both databases alike."""

import asyncio
import time
from datetime import date
from typing import Any

import pytest
from msgspec import Struct

from stanchion.data.database import Database
from stanchion.data.failures import ConstraintViolated, DatabaseTimeout
from stanchion.deadline import shorten
from stanchion.errors import ConfigurationError, NotFound
from tests.data.conftest import Opened, run


class Airport(Struct):
    iata: str
    name: str
    opened: date | None = None
    runways: int = 1


class Ticket(Struct, kw_only=True):
    id: int | None = None
    holder: str
    seat: str | None = None


async def filled(database: Database) -> Database:
    await database.execute(
        "CREATE TABLE airports (iata text PRIMARY KEY, name text NOT NULL, opened date, runways integer NOT NULL)"
    )
    key = "integer PRIMARY KEY" if "SQLite" in repr(database) else "serial PRIMARY KEY"
    await database.execute(f"CREATE TABLE tickets (id {key}, holder text NOT NULL UNIQUE, seat text)")
    for iata, name, opened in (("JFK", "Kennedy", date(1948, 7, 1)), ("EWR", "Newark", None)):
        await database.insert(Airport(iata, name, opened, 4))
    return database


async def holding(database: Database, *holders: str, error: Exception | None = None) -> None:
    async with database.transaction() as transaction:
        for holder in holders:
            await transaction.execute("INSERT INTO tickets (holder) VALUES ($1)", holder)
        if error is not None:
            raise error


def test_a_row_by_its_key(opened: Opened) -> None:
    async def work() -> None:
        async with opened() as database:
            await filled(database)
            assert await database.get(Airport, "JFK") == Airport("JFK", "Kennedy", date(1948, 7, 1), 4)
            assert await database.get(Airport, "EWR", alone=True) == Airport("EWR", "Newark", None, 4)
            assert await database.find(Airport, "XXX") is None
            with pytest.raises(NotFound, match="no Airport 'XXX'") as raised:
                await database.get(Airport, "XXX")
            assert raised.value.status == 404

    run(work)


def test_reads_of_one_tick_are_one_statement(opened: Opened) -> None:
    async def work() -> None:
        async with opened() as database:
            await filled(database)
            keys = ["JFK", "XXX", "EWR", "JFK"] * 10
            found = await asyncio.gather(*(database.find(Airport, key) for key in keys))
            assert [row and row.iata for row in found] == ["JFK", None, "EWR", "JFK"] * 10
            assert await database.get_many(Airport, keys) == found
            statistics = database.statistics()
            assert (statistics["reads"], statistics["read_batches"]) == (80, 2)

    run(work)


def test_statements_with_parameters(opened: Opened) -> None:
    async def work() -> None:
        async with opened() as database:
            await filled(database)
            assert await database.all(str, "SELECT iata FROM airports ORDER BY iata") == ["EWR", "JFK"]
            found = await database.one(Airport, "SELECT * FROM airports WHERE name = $1 AND runways = $2", "Newark", 4)
            assert found is not None
            assert found.iata == "EWR"
            assert await database.one(Airport, "SELECT * FROM airports WHERE name = $1", "'; DROP TABLE x") is None
            assert await database.execute("UPDATE airports SET runways = $1", 2) == 2
            assert await database.all(int, "SELECT runways FROM airports") == [2, 2]
            part = "SELECT iata, name FROM airports WHERE iata = $1"
            assert await database.all(Airport, part, "JFK") == [Airport("JFK", "Kennedy")]

    run(work)


def test_the_first_row_alone_is_fetched(opened: Opened) -> None:
    async def work() -> None:
        async with opened() as database:
            await filled(database)
            many = (
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000000) SELECT i FROM n"
            )
            for _ in range(3):
                assert await database.one(int, many) == 1
            async with database.transaction() as transaction:
                assert await transaction.one(int, many) == 1
                await transaction.execute("UPDATE airports SET runways = 1")
            assert await database.all(int, "SELECT runways FROM airports") == [1, 1]
            change = "UPDATE airports SET runways = runways + 1 RETURNING runways"
            assert await database.one(int, change) == 2
            assert await database.all(int, "SELECT runways FROM airports") == [2, 2]  # of all, and committed
            assert await database.one(int, "DELETE FROM airports WHERE runways > 2 RETURNING runways") is None
            await all_given_back(database)

    run(work)


def test_a_column_that_is_missing_is_named(opened: Opened) -> None:
    async def work() -> None:
        async with opened() as database:
            await filled(database)
            with pytest.raises(ConfigurationError, match=r"Airport.name has no column among iata"):
                await database.all(Airport, "SELECT iata FROM airports")
            with pytest.raises(ConfigurationError, match="takes one column, the statement has 2"):
                await database.all(int, "SELECT iata, name FROM airports")

    run(work)


def test_inserts_share_a_commit_and_fail_alone(opened: Opened) -> None:
    async def work() -> None:
        async with opened() as database:
            await filled(database)
            names = [*"abcdefgh", "c", "z"]
            outcomes: list[Any] = await asyncio.gather(
                *(database.insert(Ticket(holder=name)) for name in names), return_exceptions=True
            )
            assert [each.holder for each in outcomes if isinstance(each, Ticket)] == [*"abcdefgh", "z"]
            assert len({each.id for each in outcomes if isinstance(each, Ticket)}) == 9
            violated = outcomes[8]
            assert isinstance(violated, ConstraintViolated)
            assert (violated.status, violated.code) == (409, "constraint-violated")
            assert "holder" in violated.constraint
            assert await database.one(int, "SELECT count(*) FROM tickets") == 9
            assert database.statistics()["insert_batches"] == 3  # the two airports came one by one

    run(work)


def test_a_transaction_is_all_or_nothing(opened: Opened) -> None:
    async def work() -> None:
        async with opened() as database:
            await filled(database)
            async with database.transaction() as transaction:
                await transaction.execute("INSERT INTO tickets (holder) VALUES ($1)", "kept")
                assert await transaction.all(str, "SELECT holder FROM tickets") == ["kept"]
            with pytest.raises(ZeroDivisionError):
                await holding(database, "lost", error=ZeroDivisionError())
            with pytest.raises(ConstraintViolated):
                await holding(database, "gone", "kept")
            assert await database.all(str, "SELECT holder FROM tickets") == ["kept"]

    run(work)


def test_nothing_of_a_transaction_is_gathered_and_its_statements_have_turns(opened: Opened) -> None:
    async def work() -> None:
        async with opened() as database:
            await filled(database)
            before = database.statistics(), database.recorder.statistics()["statements"]
            async with database.transaction() as transaction:
                tasks = [transaction.execute("INSERT INTO tickets (holder) VALUES ($1)", f"{n}") for n in range(10)]
                assert await asyncio.gather(*tasks) == [1] * 10
                seen = [transaction.one(int, "SELECT count(*) FROM tickets") for _ in range(10)]
                assert await asyncio.gather(*seen) == [10] * 10
                async for holder in transaction.stream(str, "SELECT holder FROM tickets ORDER BY id"):
                    found = await transaction.one(int, "SELECT count(*) FROM tickets WHERE holder = $1", holder)
                    assert found == 1
            after = database.statistics(), database.recorder.statistics()["statements"]
            assert after[1] - before[1] == 10 + 10 + 1 + 10
            for name in ("reads", "read_batches", "inserts", "insert_batches"):
                assert after[0][name] == before[0][name]

    run(work)


def test_a_stream_is_read_in_parts(opened: Opened) -> None:
    async def work() -> None:
        async with opened() as database:
            await filled(database)
            await holding(database, *(f"{number:04}" for number in range(1000)))
            seen = [row.holder async for row in database.stream(Ticket, "SELECT * FROM tickets ORDER BY holder")]
            assert seen == [f"{number:04}" for number in range(1000)]
            async for row in database.stream(Ticket, "SELECT * FROM tickets ORDER BY holder"):
                assert row.holder == "0000"
                break
            assert await database.one(int, "SELECT count(*) FROM tickets") == 1000

    run(work)


async def all_given_back(database: Database) -> None:
    """The connections that calls were cancelled on are in order, and count as in use no longer."""
    end = time.monotonic() + 5
    while database.statistics()["in_use"]:
        assert time.monotonic() < end, "connections that nobody has count as in use"
        await asyncio.sleep(0.01)


def test_the_deadline_ends_a_statement(opened: Opened) -> None:
    slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000) SELECT max(i) FROM n"

    async def work() -> None:
        async with opened() as database:
            loop = asyncio.get_running_loop()
            began = loop.time()

            async def within() -> None:
                shorten(began + 0.5)
                await database.one(int, slow)

            with pytest.raises(DatabaseTimeout) as raised:
                await asyncio.create_task(within())
            assert raised.value.status == 504
            assert loop.time() - began < 5
            assert await database.one(int, "SELECT 1") == 1
            await all_given_back(database)

    run(work)


def test_a_thousand_cancelled_calls_leave_nothing(opened: Opened) -> None:
    slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000) SELECT max(i) FROM n"

    async def work() -> None:
        async with opened() as database:
            await filled(database)
            for _ in range(10):
                calls = [asyncio.ensure_future(database.one(int, slow)) for _ in range(50)]
                calls += [asyncio.ensure_future(database.find(Airport, "JFK")) for _ in range(50)]  # type: ignore[list-item,arg-type]
                await asyncio.sleep(0.01)
                for call in calls:
                    call.cancel()
                await asyncio.wait(calls)
            assert await database.find(Airport, "JFK") is not None
            await all_given_back(database)
            assert database.statistics()["waiting"] == 0
            if "Postgres" in repr(database):
                active = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"
                end = time.monotonic() + 5
                while await database.one(int, active):
                    assert time.monotonic() < end, "statements that nobody waits for still run"
                    await asyncio.sleep(0.05)

    run(work)


def test_reads_of_one_tick_reach_the_server_as_one(opened: Opened) -> None:
    async def work() -> None:
        async with opened() as database:
            await filled(database)
            await database.find(Airport, "JFK")  # and what has to be asked about the table, once
            await asyncio.gather(database.find(Airport, "JFK"), database.find(Airport, "EWR"))
            before = database.recorder.statistics()
            found = await asyncio.gather(*(database.find(Airport, iata) for iata in ("JFK", "EWR", "XXX") * 10))
            assert [airport is None for airport in found] == [False, False, True] * 10
            after = database.recorder.statistics()
            assert {name: after[name] - before[name] for name in ("statements", "batches")} == {
                "statements": 1,
                "batches": 1,
            }

    run(work)
