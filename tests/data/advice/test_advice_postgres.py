"""Evidence from a real PostgreSQL."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from stanchion.data.advice.evidence import Evidence
from stanchion.data.advice.postgres import evidence, explained
from stanchion.data.advice.rules import findings
from stanchion.data.driver import Driver
from stanchion.data.options import DatabaseOptions, database_of
from stanchion.data.statements.exported import Seen
from stanchion.data.statements.text import verb_and_table
from tests.data.conftest import run
from tests.data.postgres_server import PostgresServer, needs_postgres

pytestmark = needs_postgres
_SCHEMA = (
    *(
        "DROP SCHEMA public CASCADE",
        "CREATE SCHEMA public",
        "DROP SCHEMA IF EXISTS sales CASCADE",
        "CREATE SCHEMA sales",
    ),
    "CREATE TABLE flights (id int PRIMARY KEY, dest varchar(9) NOT NULL, day date NOT NULL, free int NOT NULL)",
    "INSERT INTO flights SELECT n, 'to' || n % 500, date '2026-01-01' + n % 365, 9 FROM generate_series(1, 20000) n",
    'CREATE TABLE sales."Orders" (id int PRIMARY KEY, flight int NOT NULL REFERENCES flights, at timestamptz)',
    'INSERT INTO sales."Orders" SELECT n, n % 20000 + 1, now() FROM generate_series(1, 20000) n',
    "CREATE INDEX flights_free_idx ON flights (free) WHERE free = 0",
    "CREATE INDEX flights_lower_idx ON flights (lower(dest))",
    "ANALYZE",
)


@asynccontextmanager
async def opened(server: PostgresServer) -> AsyncIterator[Driver]:
    driver = database_of("test", server.url, DatabaseOptions()).driver
    await driver.open(1)
    try:
        for statement in _SCHEMA:
            await driver.execute(statement, ())
        yield driver
    finally:
        await driver.close()


def looked_at(server: PostgresServer, statements: Sequence[str]) -> Evidence:
    found: list[Evidence] = []

    async def look() -> None:
        async with opened(server) as driver:
            seen = [
                Seen(database="main", text=one, example=one, verb=verb_and_table(one)[0], calls=1, seconds=1.0)
                for one in statements
            ]
            for _ in range(2):  # nothing is left behind on the connection
                found.append(await evidence("main", driver, seen))

    run(look)
    assert found[0].plans == found[1].plans
    return found[0]


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("SELECT * FROM flights WHERE dest = $1", '"flights" ("dest")'),
        ("SELECT * FROM flights f WHERE f.dest = $1 AND f.day >= $2 AND f.day < $3", '"flights" ("dest", "day")'),
        ("SELECT * FROM flights WHERE dest = any($1::text[]) AND day = $2", '"flights" ("day", "dest")'),
        ("SELECT id FROM flights ORDER BY day DESC LIMIT 10", '"flights" ("day")'),
        ("SELECT id FROM flights ORDER BY dest, day DESC LIMIT $1", '"flights" ("dest", "day" DESC)'),
        ("UPDATE flights SET free = free - 1 WHERE dest = $1", '"flights" ("dest")'),
        ("DELETE FROM flights WHERE day = $1 AND dest = $2", '"flights" ("day", "dest")'),
        ('SELECT count(*) FROM sales."Orders" o WHERE o.flight = $1', '"sales"."Orders" ("flight")'),
        (
            'SELECT o.at FROM flights f JOIN sales."Orders" o ON o.flight = f.id WHERE f.id BETWEEN $1 AND $1 + 5',
            '"sales"."Orders" ("flight")',
        ),
    ],
)
def test_the_index_that_a_statement_lacks(postgres: PostgresServer, statement: str, index: str) -> None:
    found = looked_at(postgres, [statement])
    assert found.unexplained == {}
    assert [finding.do.partition(" ON ")[2] for finding in findings(found) if finding.wanted] == [index]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM flights WHERE id = $1",
        "SELECT * FROM flights WHERE id = any($1::int[])",
        "SELECT * FROM flights WHERE lower(dest) = $1",
        "SELECT * FROM flights WHERE free = 9",
        "SELECT count(*) FROM flights",
        "SELECT dest, count(*) FROM flights GROUP BY dest ORDER BY dest",
        'SELECT * FROM sales."Orders" o JOIN flights f ON f.id = o.flight',
        "INSERT INTO flights VALUES ($1, $2, $3, $4) RETURNING *",
        "SELECT now()",
    ],
)
def test_statements_that_lack_none(postgres: PostgresServer, statement: str) -> None:
    found = looked_at(postgres, [statement])
    assert (found.unexplained, len(found.plans)) == ({}, 1)
    assert [finding for finding in findings(found) if finding.wanted] == []


def test_what_is_not_taken_is_told_and_the_others_go_on(postgres: PostgresServer) -> None:
    good, gone, both = "SELECT * FROM flights WHERE dest = $1", "SELECT gone FROM flights", "SELECT 1; SELECT 2"
    found = looked_at(postgres, [gone, good, both, "CREATE TABLE other (id int)"])
    assert [seen.text for seen, _ in found.plans] == [good]
    assert set(found.unexplained) == {gone, both}
    assert 'column "gone" does not exist' in found.unexplained[gone]


def test_indexes_there_are(postgres: PostgresServer) -> None:
    indexes = {index.name: index for index in looked_at(postgres, []).indexes}
    assert set(indexes) == {"flights_pkey", "sales.Orders_pkey", "flights_free_idx", "flights_lower_idx"}
    assert indexes["flights_pkey"].needed
    assert (indexes["flights_free_idx"].partial, indexes["flights_free_idx"].needed) == (True, False)
    assert indexes["flights_lower_idx"].columns == ("",)
    assert indexes["flights_lower_idx"].scans == 0


def test_a_plan_with_values_is_run(postgres: PostgresServer) -> None:
    async def look() -> None:
        async with opened(postgres) as driver, driver.transaction() as statements:
            node = await explained(statements, "SELECT * FROM flights WHERE dest = $1", ["'to7'"], run=True)
            assert node["Actual Rows"] == 40
            assert node["Execution Time"] > 0
            assert await statements.execute("UPDATE flights SET free = 1 WHERE id = 1", ()) == 1  # it goes on

    run(look)
