"""Dicts, lists and Structs as values: JSON in both databases, and arrays where there are arrays."""

import asyncio
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from stanchion.data.database import Database
from stanchion.data.failures import ValueRefused
from stanchion.data.postgres.documents import decoded, encoded
from tests.data.conftest import Opened, run


class Leg(Struct):
    dest: str
    day: date
    seats: list[int] = []


class Trip(Struct, kw_only=True):
    id: int
    legs: list[Leg]
    extra: dict[str, Any] | None = None
    grid: list[list[int]] = []
    best: Leg | None = None
    raw: str | None = None


@dataclass
class Point:
    x: int
    y: int


class Size(TypedDict):
    x: int


class Kinds(Struct):
    id: int
    a: Point | None
    b: Annotated[list[str], Meta(max_length=3)] | None
    c: tuple[int, str]
    d: Annotated[frozenset[int], "of numbers"]
    e: Size


TRIPS = [
    Trip(id=1, legs=[Leg("JFK", date(2026, 7, 1), [1, 2]), Leg("LAX", date(2026, 7, 2))], grid=[[1, 2], [3], []]),
    Trip(id=2, legs=[], extra={"a": None, "b": [1.5, True, "x'y"], "c": {}}, best=Leg("EWR", date(2026, 1, 1))),
    Trip(id=3, legs=[Leg('"', date(2026, 7, 1))], extra={"$1": "{}"}, raw='{"b": 1}'),
]


async def filled(database: Database) -> Database:
    kind = "text" if "SQLite" in repr(database) else "jsonb"
    kept = "text" if "SQLite" in repr(database) else "json"
    await database.execute(
        f"CREATE TABLE trips (id integer PRIMARY KEY, legs {kind} NOT NULL, extra {kept}, grid {kind}, best {kind}, "
        f"raw {kept})"
    )
    return database


@pytest.mark.parametrize("alone", [False, True])
def test_a_row_is_what_was_inserted(opened: Opened, alone: bool) -> None:
    async def work() -> None:
        async with opened() as database:
            await filled(database)
            assert await asyncio.gather(*(database.insert(trip, alone=alone) for trip in TRIPS)) == TRIPS
            assert await asyncio.gather(*(database.get(Trip, id, alone=alone) for id in (1, 2, 3))) == TRIPS
            assert await database.all(Trip, "SELECT * FROM trips ORDER BY id") == TRIPS
            assert [trip async for trip in database.stream(Trip, "SELECT * FROM trips ORDER BY id")] == TRIPS

    run(work)


def test_values_of_statements(opened: Opened) -> None:
    async def work() -> None:
        async with opened() as database:
            await filled(database)
            await database.insert(TRIPS[0])
            change = "UPDATE trips SET legs = $2, best = $3, extra = $4, grid = $5 WHERE id = $1"
            values = [[Leg("BOS", date(2026, 3, 4))], TRIPS[1].best, {"n": 1}, [[7], [8, 9]]]
            async with database.transaction() as transaction:
                assert await transaction.execute(change, 1, *values) == 1
            trip = await database.get(Trip, 1)
            assert [trip.legs, trip.best, trip.extra, trip.grid] == values
            assert await database.one(list[Leg], "SELECT legs FROM trips") == values[0]
            assert await database.one(dict[str, int], "SELECT extra FROM trips") == {"n": 1}
            assert await database.one(Leg | None, "SELECT best FROM trips") == values[1]
            assert await database.one(str, "SELECT extra FROM trips") == '{"n":1}'
            await database.execute("UPDATE trips SET extra = $1", None)
            assert (await database.get(Trip, 1)).extra is None
            assert await database.one(int, "SELECT count(*) FROM trips WHERE extra IS NULL") == 1
            await database.execute("UPDATE trips SET extra = $1", '{"text": "is JSON"}')
            assert (await database.get(Trip, 1)).extra == {"text": "is JSON"}

    run(work)


def test_arrays_stay_arrays(opened: Opened) -> None:
    class Lists(Struct):
        id: int
        numbers: list[int]
        names: list[str] | None

    async def work() -> None:
        async with opened() as database:
            sqlite = "SQLite" in repr(database)
            kinds = ["text", "text"] if sqlite else ["int[]", "text[]"]
            await database.execute("CREATE TABLE listss (id integer PRIMARY KEY, numbers {}, names {})".format(*kinds))
            rows = [Lists(1, [3, 1], None), Lists(2, [], ["x,y", '"'])]
            assert await asyncio.gather(*map(database.insert, rows)) == rows
            assert await database.get_many(Lists, [2, 1]) == rows[::-1]
            assert await database.one(list[int], "SELECT numbers FROM listss WHERE id = 1") == [3, 1]
            if not sqlite:
                assert await database.one(int, "SELECT numbers[1] FROM listss WHERE id = any($1)", [1, 9]) == 3

    run(work)


def test_every_kind_of_object_and_list(opened: Opened) -> None:
    async def work() -> None:
        async with opened() as database:
            kinds = ["text"] * 5 if "SQLite" in repr(database) else ["jsonb"] * 5
            await database.execute(
                "CREATE TABLE kindss (id integer PRIMARY KEY, a {}, b {}, c {}, d {}, e {})".format(*kinds)
            )
            rows = [
                Kinds(1, Point(1, 2), ["a"], (3, "b"), frozenset({7}), {"x": 1}),
                Kinds(2, None, None, (0, ""), frozenset(), {"x": 2}),
            ]
            assert await asyncio.gather(*map(database.insert, rows)) == rows
            assert await database.get_many(Kinds, [2, 1]) == rows[::-1]
            assert await database.one(Point, "SELECT a FROM kindss WHERE id = 1") == Point(1, 2)

    run(work)


def test_single_values_in_a_column_of_json(opened: Opened) -> None:
    class Setting(Struct):
        name: str
        value: int | None

    async def work() -> None:
        async with opened() as database:
            kind = "" if "SQLite" in repr(database) else "jsonb"
            await database.execute(f"CREATE TABLE settings (name text PRIMARY KEY, value {kind})")
            assert await database.insert(Setting("workers", 4)) == Setting("workers", 4)
            assert await database.insert(Setting("none", None)) == Setting("none", None)
            assert await database.get(Setting, "workers") == Setting("workers", 4)
            assert await database.one(int, "SELECT value FROM settings WHERE name = $1", "workers") == 4
            await database.execute("UPDATE settings SET value = $1", 2.5)
            assert await database.one(float, "SELECT value FROM settings") == 2.5

    run(work)


def test_what_jsonb_cannot_hold_is_refused(opened: Opened) -> None:
    async def work() -> None:
        async with opened() as database:
            await filled(database)
            nul = Trip(id=1, legs=[Leg("\0", date(2026, 7, 1))])
            if "SQLite" in repr(database):
                assert await database.insert(nul) == nul
                return
            outcomes = await asyncio.gather(
                *map(database.insert, (nul, TRIPS[1], Trip(id=5, legs=[], raw="{no JSON"))), return_exceptions=True
            )
            assert [type(outcome) for outcome in outcomes] == [ValueRefused, Trip, ValueRefused]

    run(work)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(), lambda some: st.lists(some), max_leaves=9
)


@given(JSON.filter(lambda value: not isinstance(value, str)))
def test_there_and_back(value: object) -> None:
    found = decoded(encoded(value))
    assert found == (encoded(value) if isinstance(value, list) else value)


def test_json_with_spaces_before_it() -> None:
    assert [decoded(text) for text in (' {"a": 1}', "\n[1]", ' "a"', " null")] == [' {"a": 1}', "\n[1]", "a", None]
