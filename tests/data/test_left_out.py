"""Rows that the schema leaves out without an error: each caller is told, and the others' rows are in."""

import asyncio

import pytest
from msgspec import Struct

from stanchion.data.database import Database
from stanchion.data.driver import Rows
from stanchion.data.failures import ConstraintViolated, NotInserted
from tests.data.conftest import Opened, run

POSTGRES = (
    "CREATE TABLE evens (number int PRIMARY KEY, note text DEFAULT 'even')",
    "CREATE FUNCTION odd() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN IF NEW.number % 2 = 1 THEN RETURN NULL; END IF; RETURN NEW; END'",
    "CREATE TRIGGER odd BEFORE INSERT ON evens FOR EACH ROW EXECUTE FUNCTION odd()",
)
SQLITE = (
    "CREATE TABLE evens (number integer PRIMARY KEY, note text DEFAULT 'even')",
    "CREATE TRIGGER odd BEFORE INSERT ON evens WHEN NEW.number % 2 = 1 BEGIN SELECT RAISE(IGNORE); END",
)


class Even(Struct):
    number: int
    note: str | None = None


async def filled(database: Database) -> Database:
    for statement in SQLITE if "SQLite" in repr(database) else POSTGRES:
        await database.execute(statement)
    return database


@pytest.mark.parametrize("alone", [False, True])
def test_one_is_told(opened: Opened, alone: bool) -> None:
    async def work() -> None:
        async with opened() as database:
            await filled(database)
            assert await database.insert(Even(2), alone=alone) == Even(2, "even")
            with pytest.raises(NotInserted, match="has left the row out") as raised:
                await database.insert(Even(3), alone=alone)
            assert (raised.value.status, raised.value.code) == (409, "not-inserted")
            assert await database.all(int, "SELECT number FROM evens") == [2]

    run(work)


def test_of_many_each_has_its_own_outcome(opened: Opened) -> None:
    async def work() -> None:
        async with opened() as database:
            await filled(database)
            await database.insert(Even(4))
            rows = [Even(number, "odd" if number % 2 else None) for number in range(9)]
            outcomes = await asyncio.gather(*map(database.insert, rows), return_exceptions=True)
            for row, outcome in zip(rows, outcomes, strict=True):
                if row.number % 2:
                    assert type(outcome) is NotInserted
                elif row.number == 4:
                    assert type(outcome) is ConstraintViolated
                else:
                    assert outcome == Even(row.number, "even")
            assert await database.all(int, "SELECT number FROM evens ORDER BY 1") == [0, 2, 4, 6, 8]

    run(work)


def test_a_row_without_values(opened: Opened) -> None:
    """It has no parameters but its place."""

    class Visit(Struct):
        id: int | None = None

    async def work() -> None:
        async with opened() as database:
            key = "integer PRIMARY KEY" if "SQLite" in repr(database) else "serial PRIMARY KEY"
            await database.execute(f"CREATE TABLE visits (id {key})")
            visits = await asyncio.gather(*(database.insert(Visit()) for _ in range(3)))
            assert [visit.id for visit in visits] == [1, 2, 3]
            raw = await database.driver.insert([database.tables.of(Visit).insertion(Visit())])
            assert [(found.columns, *map(tuple, found.rows)) for found in raw if isinstance(found, Rows)] == [
                (("id",), (4,))
            ]

    run(work)
