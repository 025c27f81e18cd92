"""Through a real PgBouncer in transaction mode, each statement may go by another connection to the server."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from msgspec import Struct

from stanchion.data.budget import Fleet
from stanchion.data.database import Database
from stanchion.data.failures import ConstraintViolated, DatabaseTimeout
from stanchion.data.limits import Limits
from stanchion.data.postgres.driver import Postgres
from stanchion.deadline import shorten
from stanchion.errors import ConfigurationError
from tests.data.conftest import run
from tests.data.pgbouncer import PgBouncer, needs_pgbouncer
from tests.data.postgres_server import PostgresServer, needs_postgres

pytestmark = [needs_postgres, needs_pgbouncer]
SERVER_CONNECTIONS = 3
ACTIVE = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"


class Seat(Struct, kw_only=True):
    id: int | None = None
    holder: str


@pytest.fixture(scope="module")
def bouncer(postgres: PostgresServer) -> Iterator[PgBouncer]:
    bouncer = PgBouncer(postgres, SERVER_CONNECTIONS)
    yield bouncer
    bouncer.close()


@asynccontextmanager
async def seats(bouncer: PgBouncer, *, prepared: bool = False) -> AsyncIterator[Database]:
    """Twenty connections to PgBouncer, which has three to the server."""
    limits = Limits(waiting=1000, patience=5.0)
    database = Database("test", Postgres(bouncer.url, limits, prepared=prepared), connections=40)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def emptied(database: Database) -> None:
    await database.execute("DROP TABLE IF EXISTS seats")
    await database.execute("CREATE TABLE seats (id serial PRIMARY KEY, holder text NOT NULL UNIQUE)")


async def sum_of(database: Database, number: int, times: int) -> int:
    """By a statement whose shape is one of twenty, so that another client's would be noticed."""
    terms = " + ".join(f"${place + 1}::int" for place in range(times))
    total = await database.one(int, f"SELECT {terms}", *[number] * times)
    assert total is not None
    return total


def test_each_gets_its_own_rows(bouncer: PgBouncer) -> None:
    async def work() -> None:
        async with seats(bouncer) as database:
            await emptied(database)
            made = await asyncio.gather(*(database.insert(Seat(holder=f"holder {place}")) for place in range(100)))
            asked = [random.choice(made) for _ in range(500)]
            found = await asyncio.gather(*(database.get(Seat, seat.id) for seat in asked))
            assert found == asked
            pairs = [(number, number % 20 + 1) for number in range(600)]
            assert await asyncio.gather(*(sum_of(database, *pair) for pair in pairs)) == [a * b for a, b in pairs]
            streamed = [seat async for seat in database.stream(Seat, "SELECT * FROM seats ORDER BY id")]
            assert streamed == sorted(made, key=lambda seat: seat.id or 0)

    run(work)


def test_a_transaction_has_one_connection_to_its_end(bouncer: PgBouncer) -> None:
    async def work() -> None:
        async with seats(bouncer) as database:
            await emptied(database)

            async def take(place: int) -> None:
                async with database.transaction() as transaction:
                    await transaction.execute("INSERT INTO seats (holder) VALUES ($1)", f"holder {place}")
                    await transaction.execute("INSERT INTO seats (holder) VALUES ($1)", f"guest of {place // 2}")

            outcomes = await asyncio.gather(*map(take, range(30)), return_exceptions=True)
            assert sum(isinstance(outcome, ConstraintViolated) for outcome in outcomes) == 15
            assert await database.one(int, "SELECT count(*) FROM seats WHERE holder LIKE 'guest%'") == 15
            assert await database.one(int, "SELECT count(*) FROM seats") == 30

    run(work)


def test_the_deadline_ends_a_statement_on_the_server(bouncer: PgBouncer) -> None:
    async def work() -> None:
        async with seats(bouncer) as database:

            async def within() -> None:
                shorten(asyncio.get_running_loop().time() + 1.0)
                await database.execute("SELECT pg_sleep(30)")

            outcomes = await asyncio.gather(*(within() for _ in range(10)), return_exceptions=True)
            assert {type(outcome) for outcome in outcomes} == {DatabaseTimeout}
            end = asyncio.get_running_loop().time() + 5
            while await database.one(int, ACTIVE):
                assert asyncio.get_running_loop().time() < end, "statements that nobody waits for still run"
                await asyncio.sleep(0.05)

    run(work)


def test_more_connections_than_the_server_has_are_pgbouncers_matter(bouncer: PgBouncer) -> None:
    async def work() -> None:
        database = Database(
            "test", Postgres(bouncer.url, Limits(waiting=1, patience=5.0), prepared=False), connections=10_000
        )
        await database.open(Fleet(workers=1))
        try:
            assert await database.one(int, "SELECT 1") == 1
        finally:
            await database.close()

    run(work)


def test_statements_that_stay_prepared_are_an_error_that_says_what_to_do(bouncer: PgBouncer) -> None:
    async def work() -> None:
        async with seats(bouncer, prepared=True) as database:
            calls = [sum_of(database, number, number % 20 + 1) for number in range(600)]
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
            assert {type(error) for error in errors} == {ConfigurationError}
            assert "give app.database(..., prepared=False)" in str(errors[0])

    run(work)
