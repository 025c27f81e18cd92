"""What is told of writes, and when, on both databases alike."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import Struct

from stanchion.data.database import Database
from stanchion.data.failures import ConstraintViolated, DatabaseTimeout
from stanchion.data.limits import Limits
from stanchion.data.sqlite.driver import SQLite
from stanchion.deadline import shorten
from stanchion.errors import ConfigurationError
from tests.data.conftest import Opened, run

SLOW = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000)"


class Seat(Struct):
    id: int
    holder: str = ""


class Told:
    """Takes the place of `app.invalidate`, and notes what others see in the database when they are told."""

    def __init__(self, database: Database) -> None:
        self.calls: list[set[str]] = []
        self.seen: list[int | None] = []
        self._database = database

    async def __call__(self, *tags: str) -> None:
        self.calls.append(set(tags))
        self.seen.append(await self._database.one(int, "SELECT count(*) FROM seats"))

    def take(self) -> list[set[str]]:
        calls, self.calls = self.calls, []
        return calls


async def told(database: Database) -> Told:
    await database.execute("CREATE TABLE seats (id integer PRIMARY KEY, holder text NOT NULL)")
    await database.execute("CREATE TABLE others (id integer PRIMARY KEY)")
    listener = database.telling.to = Told(database)
    return listener


def tagging(opened: Opened, work: Callable[[Database, Told], Any]) -> None:
    async def with_database() -> None:
        async with opened() as database:
            await work(database, await told(database))

    run(with_database)


def test_a_table_that_nobody_has_tagged_is_not_told_of(opened: Opened) -> None:
    async def work(database: Database, listener: Told) -> None:
        await database.insert(Seat(1))
        assert database.tags("others") == ("table:others",)
        await database.execute("UPDATE seats SET holder = $1", "Ada")
        assert listener.take() == []

    tagging(opened, work)


def test_any_write_to_a_table_has_its_tag(opened: Opened) -> None:
    async def work(database: Database, listener: Told) -> None:
        assert database.tags(Seat) == ("table:seats",)
        await database.insert(Seat(1))
        await database.insert(Seat(2), alone=True)
        await database.execute("UPDATE seats SET holder = $1 WHERE id = $2", "Ada", 1)
        assert await database.all(int, "DELETE FROM seats WHERE id = $1 RETURNING id", 2) == [2]
        assert await database.one(str, "SELECT holder FROM seats WHERE id = $1", 1) == "Ada"
        await database.execute("INSERT INTO others VALUES ($1)", 1)
        assert [tags & {"table:seats"} for tags in listener.take()] == [{"table:seats"}] * 4
        assert listener.seen == [1, 2, 2, 1]

    tagging(opened, work)


def test_a_row_has_a_tag_of_its_own(opened: Opened) -> None:
    async def work(database: Database, listener: Told) -> None:
        assert database.tags(Seat, "{id}") == ("seats:{id}", "rows:seats")
        await database.insert(Seat(1))
        await database.execute("UPDATE seats SET holder = $2 WHERE id = $1", 1, "Ada")
        await database.execute("UPDATE seats SET holder = $1", "Bob")
        await database.execute("DROP TABLE others")
        one, unknown = {"table:seats", "seats:1"}, {"table:seats", "rows:seats"}
        assert listener.take() == [one, one, unknown, unknown]
        if "SQLite" in repr(database):  # which takes it for 1
            assert await database.execute("DELETE FROM seats WHERE id = $1", "01") == 1
            assert listener.take() == [unknown]

    tagging(opened, work)


def test_inserts_of_a_batch_are_told_of_at_once(opened: Opened) -> None:
    async def work(database: Database, listener: Told) -> None:
        database.tags(Seat, "{id}")
        outcomes = await asyncio.gather(
            *(database.insert(Seat(number)) for number in (1, 2, 2, 3)), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes] == [Seat, Seat, ConstraintViolated, Seat]
        assert listener.take() == [{"table:seats", "seats:1", "seats:2", "seats:3"}]
        assert listener.seen == [3]

    tagging(opened, work)


def test_a_transaction_is_told_of_after_its_commit(opened: Opened) -> None:
    async def failing(database: Database) -> None:
        async with database.transaction() as transaction:
            await transaction.execute("INSERT INTO seats VALUES ($1, $2)", 9, "")
            raise ZeroDivisionError

    async def work(database: Database, listener: Told) -> None:
        database.tags(Seat)
        database.tags("others")
        async with database.transaction() as transaction:
            await transaction.execute("INSERT INTO seats VALUES ($1, $2)", 1, "")
            await transaction.all(int, "INSERT INTO others VALUES ($1) RETURNING id", 1)
            assert listener.take() == []
        assert listener.take() == [{"table:seats", "table:others"}]
        assert listener.seen == [1]
        with pytest.raises(ZeroDivisionError):
            await failing(database)
        async with database.transaction() as transaction:
            await transaction.all(Seat, "SELECT * FROM seats")
        with pytest.raises(ConstraintViolated):
            await database.execute("INSERT INTO seats VALUES ($1, $2)", 1, "")
        await asyncio.sleep(0)
        assert listener.take() == []

    tagging(opened, work)


@pytest.mark.parametrize("how", ["cancelled", "late"])
def test_a_write_whose_end_nobody_saw_is_told_of_twice(opened: Opened, how: str) -> None:
    async def work(database: Database, listener: Told) -> None:
        database.tags(Seat)

        async def writing() -> None:
            if how == "late":
                shorten(asyncio.get_running_loop().time() + 0.2)
            await database.execute(f"{SLOW} INSERT INTO seats SELECT max(i), '' FROM n")

        write = asyncio.create_task(writing())
        await asyncio.sleep(0.1)
        if how == "cancelled":
            write.cancel()
        with pytest.raises(asyncio.CancelledError if how == "cancelled" else DatabaseTimeout):
            await write
        await asyncio.sleep(0.05)
        assert listener.calls == [{"table:seats"}]
        while len(listener.calls) < 2:
            await asyncio.sleep(0.05)
        assert listener.take() == [{"table:seats"}] * 2

    tagging(opened, work)


def test_what_is_unsure_at_the_end_is_told_of(tmp_path: Any) -> None:
    async def work() -> None:
        database = Database("test", SQLite(str(tmp_path / "end.db"), Limits(waiting=10, patience=10.0)))
        await database.open()
        await database.execute("CREATE TABLE seats (id integer PRIMARY KEY, holder text NOT NULL)")
        database.tags(Seat)
        calls: list[tuple[str, ...]] = []

        async def note(*tags: str) -> None:
            calls.append(tags)

        database.telling.to = note
        write = asyncio.create_task(database.execute(f"{SLOW} INSERT INTO seats SELECT max(i), '' FROM n"))
        await asyncio.sleep(0.05)
        write.cancel()
        await asyncio.wait({write})
        await database.close()
        assert calls[-1] == ("table:seats",)

    run(work)


def test_a_key_needs_a_struct() -> None:
    database = Database("test", SQLite(":memory:", Limits(waiting=10, patience=10.0)))
    with pytest.raises(ConfigurationError, match=r"tags\('seats', 7\): give the Struct"):
        database.tags("seats", 7)
