"""Costs with indexes that there are not, from a real PostgreSQL with hypopg."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from stanchion.data.advice.advising import advise
from stanchion.data.advice.findings import Finding, Gain, Wanted
from stanchion.data.advice.hypothetical import gains
from stanchion.data.advice.postgres import evidence
from stanchion.data.advice.rules import findings
from stanchion.data.budget import Fleet
from stanchion.data.database import Database
from stanchion.data.options import DatabaseOptions, database_of
from stanchion.data.statements.exported import Seen
from stanchion.data.statements.text import verb_and_table
from tests.data.conftest import run
from tests.data.postgres_server import PostgresServer, needs_postgres

pytestmark = needs_postgres
_AVAILABLE = "SELECT count(*) FROM pg_available_extensions WHERE name = 'hypopg'"
_SCHEMA = (
    *("DROP EXTENSION IF EXISTS hypopg CASCADE", "DROP SCHEMA public CASCADE", "CREATE SCHEMA public"),
    "CREATE TABLE flights (id int PRIMARY KEY, dest varchar(9) NOT NULL, day date NOT NULL, free int NOT NULL)",
    "INSERT INTO flights SELECT n, 'to' || n % 500, date '2026-01-01' + n % 365, 9 FROM generate_series(1, 20000) n",
    "ANALYZE",
)
_EXTENSION = ("DROP SCHEMA IF EXISTS tools CASCADE", "CREATE SCHEMA tools", "CREATE EXTENSION hypopg SCHEMA tools")
_BY_DEST = "SELECT id FROM flights WHERE dest = $1 AND free > 1"
_BY_DAY = "SELECT id FROM flights WHERE day = $1"


def seen(statement: str) -> Seen:
    verb = verb_and_table(statement)[0]
    return Seen(database="main", text=statement, example=statement, verb=verb, calls=1, seconds=1.0)


def advised(server: PostgresServer, statements: Sequence[str], *, extension: bool) -> Sequence[Finding]:
    found: list[Finding] = []

    async def work() -> None:
        database = database_of("test", server.url, DatabaseOptions())
        await database.open()
        try:
            if extension and not await database.one(int, _AVAILABLE):
                pytest.skip("this PostgreSQL has no hypopg (the package postgresql-15-hypopg, by its version)")
            for statement in (*_SCHEMA, *(_EXTENSION if extension else ())):
                await database.execute(statement)
            found.extend(await looked_at(database, server.url, statements))
        finally:
            await database.execute("DROP SCHEMA IF EXISTS tools CASCADE")
            await database.close()

    run(work)
    return found


async def looked_at(database: Database, url: str, statements: Sequence[str]) -> Sequence[Finding]:
    """As `stanchion db advise` does, which has a database of its own; nothing of it stays in this one."""
    asked = database_of("test", url, DatabaseOptions())
    advice = await advise("main", asked, list(map(seen, statements)), Fleet(workers=1))
    indexes = "SELECT count(*) FROM pg_indexes WHERE tablename = 'flights'"
    assert await database.one(int, indexes) == 1
    return advice.findings


def test_each_missing_index_has_its_costs(postgres: PostgresServer) -> None:
    found = advised(postgres, [_BY_DEST, _BY_DAY], extension=True)
    assert {finding.subject for finding in found} == {"flights (dest, free)", "flights (day)"}
    for finding in found:
        [gain] = finding.gain
        assert gain.statement == (_BY_DAY if "day" in finding.subject else _BY_DEST)
        assert (gain.before, gain.after) == (None, None)
        assert gain.cost_before is not None
        assert gain.cost_after is not None
        assert gain.cost_before > 3 * gain.cost_after  # each index by itself: no other one is there meanwhile


def test_what_the_extension_does_not_take_keeps_the_others_their_costs(postgres: PostgresServer) -> None:
    gained: list[list[Gain]] = []

    async def work() -> None:
        database = database_of("test", postgres.url, DatabaseOptions())
        await database.open()
        try:
            if not await database.one(int, _AVAILABLE):
                pytest.skip("this PostgreSQL has no hypopg (the package postgresql-15-hypopg, by its version)")
            for statement in (*_SCHEMA, *_EXTENSION):
                await database.execute(statement)
            found = await evidence("main", database.driver, [seen(_BY_DAY)])
            [good] = findings(found)
            none = replace(good, wanted=Wanted("flights", ("no such column",)))
            gained.extend(await gains(database.driver, [none, good], found))
        finally:
            await database.execute("DROP SCHEMA IF EXISTS tools CASCADE")
            await database.close()

    run(work)
    assert gained[0] == []
    assert [gain.statement for gain in gained[1]] == [_BY_DAY]


def test_without_the_extension_there_is_no_gain(postgres: PostgresServer) -> None:
    [finding] = advised(postgres, [_BY_DEST], extension=False)
    assert (finding.kind, list(finding.gain)) == ("missing index", [])
