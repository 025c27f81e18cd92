"""A key that the server takes for another value's equal finds what a statement of its own would find."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from msgspec import Struct

from stanchion.data.database import Database
from stanchion.data.limits import Limits
from stanchion.data.postgres.driver import Postgres
from tests.data.conftest import run
from tests.data.postgres_server import PostgresServer, needs_postgres

pytestmark = needs_postgres
LIMITS = Limits(waiting=1000, patience=10.0)


class Padded(Struct):
    code: str
    name: str


class Folded(Struct):
    name: str
    number: int


class Numbered(Struct):
    number: Decimal
    name: str


class Rounded(Struct):
    number: float
    name: str


class Addressed(Struct):
    card: str
    name: str


class Domained(Struct):
    code: str
    name: str


class Identified(Struct):
    id: UUID
    name: str


async def same_as_alone(database: Database, kind: type[Any], keys: list[Any]) -> list[Any]:
    """What the keys find together, which is what each finds by itself."""
    together = await asyncio.gather(*(database.find(kind, key) for key in keys))
    assert together == [await database.find(kind, key, alone=True) for key in keys]
    table = database.tables.of(kind)
    statement = f"SELECT * FROM {table.name} WHERE {table.key} = $1"
    assert together == [await database.one(kind, statement, key) for key in keys]
    return together


@asynccontextmanager
async def with_statements(server: PostgresServer, *statements: str) -> AsyncIterator[Database]:
    database = Database("test", Postgres(server.url, LIMITS), connections=8)
    await database.open()
    try:
        await database.execute("DROP SCHEMA public CASCADE")
        await database.execute("CREATE SCHEMA public")
        for statement in statements:
            await database.execute(statement)
        yield database
    finally:
        await database.close()


def test_padded_numeric_and_case_folding_keys(postgres: PostgresServer) -> None:
    async def work() -> None:
        statements = (
            "CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
            "CREATE TABLE paddeds (code char(5) PRIMARY KEY, name text)",
            "INSERT INTO paddeds VALUES ('JFK', 'Kennedy'), ('EWR', 'Newark')",
            "CREATE TABLE foldeds (name text COLLATE folding PRIMARY KEY, number int)",
            "INSERT INTO foldeds VALUES ('Ada', 1), ('Bob', 2)",
            "CREATE TABLE numbereds (number numeric PRIMARY KEY, name text)",
            "INSERT INTO numbereds VALUES (7, 'seven'), (8.50, 'eight and a half')",
        )
        async with with_statements(postgres, *statements) as database:
            padded = await same_as_alone(database, Padded, ["JFK", "JFK  ", "XXX", "EWR  "])
            assert [row and row.name for row in padded] == ["Kennedy", "Kennedy", None, "Newark"]
            folded = await same_as_alone(database, Folded, ["Ada", "ada", "ADA", "bob", "Eve"])
            assert [row and row.number for row in folded] == [1, 1, 1, 2, None]
            numbered = await same_as_alone(database, Numbered, [Decimal("7.0"), Decimal("8.5"), Decimal(9), 7])
            assert [row and row.name for row in numbered] == ["seven", "eight and a half", None, "seven"]

    run(work)


def test_keys_that_differ_here_and_not_on_the_server(postgres: PostgresServer) -> None:
    async def work() -> None:
        statements = (
            "CREATE TABLE roundeds (number real PRIMARY KEY, name text)",
            "INSERT INTO roundeds VALUES (16777216, 'the last before a gap')",
            "CREATE TABLE addresseds (card macaddr PRIMARY KEY, name text)",
            "INSERT INTO addresseds VALUES ('08:00:2b:01:02:03', 'eth0')",
            "CREATE DOMAIN code AS char(5)",
            "CREATE DOMAIN port AS code",
            "CREATE TABLE domaineds (code port PRIMARY KEY, name text)",
            "INSERT INTO domaineds VALUES ('JFK', 'Kennedy')",
        )
        async with with_statements(postgres, *statements) as database:
            assert None not in await same_as_alone(database, Rounded, [16777216, 16777217])
            assert None not in await same_as_alone(database, Addressed, ["08:00:2b:01:02:03", "08002b010203"])
            assert None not in await same_as_alone(database, Domained, ["JFK", "JFK  "])

    run(work)


def test_keys_of_another_type_that_the_server_converts(postgres: PostgresServer) -> None:
    one, two = UUID(int=1), UUID(int=2)

    async def work() -> None:
        statements = ("CREATE TABLE identifieds (id uuid PRIMARY KEY, name text)",)
        async with with_statements(postgres, *statements) as database:
            await database.insert(Identified(one, "one"))
            keys = [one, str(one), str(one).replace("-", ""), two, str(two)]
            found = await same_as_alone(database, Identified, keys)
            assert [row and row.name for row in found] == ["one", "one", "one", None, None]

    run(work)


def test_a_table_made_later_and_one_whose_name_needs_quotes(postgres: PostgresServer) -> None:
    async def work() -> None:
        async with with_statements(postgres) as database:
            database.table(Padded, "Air Ports", key="code")
            with pytest.raises(Exception, match="does not exist"):
                await database.get_many(Padded, ["JFK", "EWR"])
            await database.execute('CREATE TABLE "Air Ports" (code text PRIMARY KEY, name text)')
            await database.insert(Padded("JFK", "Kennedy"))
            sent = database.statistics()["read_batches"]
            assert [row and row.name for row in await database.get_many(Padded, ["JFK", "EWR"])] == ["Kennedy", None]
            assert database.statistics()["read_batches"] == sent + 1

    run(work)
