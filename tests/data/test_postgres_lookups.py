"""A key that the server takes for another value's equal finds what a statement of its own would find."""

import asyncio
from decimal import Decimal
from typing import Any

from msgspec import Struct

from stanchion.data.database import Database
from stanchion.data.driver import Limits
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


async def same_as_alone(database: Database, kind: type[Any], keys: list[Any]) -> list[Any]:
    """What the keys find together, which is what each finds by itself."""
    together = await asyncio.gather(*(database.find(kind, key) for key in keys))
    assert together == [await database.find(kind, key, alone=True) for key in keys]
    table = database.tables.of(kind)
    statement = f"SELECT * FROM {table.name} WHERE {table.key} = $1"
    assert together == [await database.one(kind, statement, key) for key in keys]
    return together


def test_padded_numeric_and_case_folding_keys(postgres: PostgresServer) -> None:
    async def work() -> None:
        database = Database("test", Postgres(postgres.url, LIMITS), connections=8)
        await database.open()
        try:
            for statement in (
                "DROP TABLE IF EXISTS paddeds, foldeds, numbereds",
                "DROP COLLATION IF EXISTS folding",
                "CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
                "CREATE TABLE paddeds (code char(5) PRIMARY KEY, name text)",
                "INSERT INTO paddeds VALUES ('JFK', 'Kennedy'), ('EWR', 'Newark')",
                "CREATE TABLE foldeds (name text COLLATE folding PRIMARY KEY, number int)",
                "INSERT INTO foldeds VALUES ('Ada', 1), ('Bob', 2)",
                "CREATE TABLE numbereds (number numeric PRIMARY KEY, name text)",
                "INSERT INTO numbereds VALUES (7, 'seven'), (8.50, 'eight and a half')",
            ):
                await database.execute(statement)
            padded = await same_as_alone(database, Padded, ["JFK", "JFK  ", "XXX", "EWR  "])
            assert [row and row.name for row in padded] == ["Kennedy", "Kennedy", None, "Newark"]
            folded = await same_as_alone(database, Folded, ["Ada", "ada", "ADA", "bob", "Eve"])
            assert [row and row.number for row in folded] == [1, 1, 1, 2, None]
            numbered = await same_as_alone(database, Numbered, [Decimal("7.0"), Decimal("8.5"), Decimal(9)])
            assert [row and row.name for row in numbered] == ["seven", "eight and a half", None]
        finally:
            await database.close()

    run(work)
