"""Copies of tables: every value as it was, each copy made once, and none that stays behind."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stanchion.data.analytics.copies import Copies
from stanchion.data.analytics.duck import Answer, Budget, QueryError, Question, View, ask
from stanchion.data.analytics.folder import Folder
from stanchion.data.analytics.options import AnalyticsOptions
from stanchion.data.analytics.packing import Packing, pack
from stanchion.data.database import Database
from stanchion.data.driver import Exported
from stanchion.data.failures import AnalyticsTooLarge
from stanchion.data.postgres.driver import Postgres
from stanchion.data.sqlite.driver import SQLite
from tests.data.conftest import LIMITS, run
from tests.data.postgres_server import PostgresServer, needs_postgres

BUDGET = Budget(128 << 20, 1)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where copies are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


async def here(function: Callable[..., Any], *args: Any) -> Any:
    """What is for a process, in a thread of this one."""
    return await asyncio.to_thread(function, *args)


class Counted:
    """A database's `export`, slowed down and counted."""

    def __init__(self, database: Database) -> None:
        self.calls = 0
        self._database = database

    async def __call__(self, table: str, path: str, most: int) -> Exported:
        self.calls += 1
        await asyncio.sleep(0.02)
        return await self._database.export(table, path, most)


def with_seats(
    folder: Path, options: AnalyticsOptions, work: Callable[[Database, Copies, Counted], Awaitable[None]]
) -> None:
    async def bounded() -> None:
        database = Database("seats", SQLite(str(folder / "seats.db"), LIMITS))
        await database.open()
        await database.execute("CREATE TABLE seats (id integer PRIMARY KEY)")
        await database.execute("INSERT INTO seats VALUES (1), (2), (3)")
        export = Counted(database)
        copies = Copies(export, ["seats"], options)
        try:
            await work(database, copies, export)
        finally:
            await copies.close()
            await database.close()
        assert list(folder.glob("stanchion-*")) == []

    run(bounded)


async def total(copies: Copies) -> int:
    async with copies.used(here) as views:
        answer = await here(ask, Question("SELECT sum(id) FROM seats", (), tuple(views), BUDGET, 1))
    number: int = answer.rows[0][0]
    return number


def test_those_who_ask_at_one_time_share_a_copy(tmp_path: Path) -> None:
    async def work(database: Database, copies: Copies, export: Counted) -> None:
        assert await asyncio.gather(*(total(copies) for _ in range(5))) == [6] * 5
        await database.execute("INSERT INTO seats VALUES (4)")
        assert await total(copies) == 6
        assert export.calls == 1
        assert copies.statistics() == {"copied": 1, "copying": 0}

    with_seats(tmp_path, AnalyticsOptions(max_age=60), work)


def test_a_copy_that_began_before_is_not_new_enough(tmp_path: Path) -> None:
    async def work(database: Database, copies: Copies, export: Counted) -> None:
        first = asyncio.create_task(total(copies))
        await asyncio.sleep(0.01)
        await database.execute("INSERT INTO seats VALUES (4)")
        assert await total(copies) == 10
        assert await first in (6, 10)
        assert export.calls == 2

    with_seats(tmp_path, AnalyticsOptions(max_age=0), work)


def test_a_copy_stays_while_it_is_read_and_no_longer(tmp_path: Path) -> None:
    async def work(database: Database, copies: Copies, export: Counted) -> None:
        async with copies.used(here) as views:
            old = Path(views[0].pattern)
            assert await total(copies) == 6
            assert old.exists()
        assert not old.exists()
        assert len(list(old.parent.glob("*.parquet*"))) == 1

    with_seats(tmp_path, AnalyticsOptions(max_age=0), work)


def test_who_leaves_does_not_end_the_copy_for_the_others(tmp_path: Path) -> None:
    async def work(database: Database, copies: Copies, export: Counted) -> None:
        first = asyncio.create_task(total(copies))
        second = asyncio.create_task(total(copies))
        await asyncio.sleep(0.01)
        first.cancel()
        assert await second == 6
        assert export.calls == 1

    with_seats(tmp_path, AnalyticsOptions(), work)


def test_a_table_that_is_too_large_is_no_copy_and_leaves_no_file(tmp_path: Path) -> None:
    async def work(database: Database, copies: Copies, export: Counted) -> None:
        with pytest.raises(AnalyticsTooLarge, match="the table seats has more than 2 rows"):
            await total(copies)
        assert list(tmp_path.glob("stanchion-*/*.parquet*")) == []
        await database.execute("DELETE FROM seats WHERE id = 3")
        assert await total(copies) == 3

    with_seats(tmp_path, AnalyticsOptions(largest_table=2), work)


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    async def work(database: Database, copies: Copies, export: Counted) -> None:
        await database.execute("DROP TABLE seats")
        with pytest.raises(QueryError, match="there is no table seats"):
            await total(copies)

    with_seats(tmp_path, AnalyticsOptions(), work)


def packed(path: Path, table: str) -> Answer:
    """A table of an SQLite file after it was packed."""
    into = str(path.with_suffix(".parquet"))
    outcome = pack(Packing(Exported(table, str(path)), f"{into}.csv", into, 1000, BUDGET))
    assert isinstance(outcome, int)
    answer = ask(Question("SELECT * FROM t", (), (View("t", into),), BUDGET, 1000))
    assert isinstance(answer, Answer)
    assert len(answer.rows) == outcome
    return answer


def in_utc(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The row with its last value, a moment, as it is without an offset."""
    moment = row[-1]
    return row if moment is None or moment.tzinfo is None else (*row[:-1], moment.astimezone(UTC).replace(tzinfo=None))


zones = st.none() | st.integers(-12, 14).map(lambda hours: timezone(timedelta(hours=hours)))
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(-(2**63), 2**63 - 1) | st.none(),
            st.floats(allow_nan=False) | st.none(),
            texts | st.none(),
            st.booleans() | st.none(),
            st.dates() | st.none(),
            st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=zones) | st.none(),
        ),
        max_size=8,
    )
)
def test_every_value_of_sqlite_is_what_it_was(rows: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "values.db")
        with closing(sqlite3.connect(path)) as connection:
            connection.execute('CREATE TABLE "a ""t" (i integer, r real, "s,""x" text, b boolean, d date, m timestamp)')
            stored = [(*row[:4], *(None if moment is None else str(moment) for moment in row[4:])) for row in rows]
            connection.executemany('INSERT INTO "a ""t" VALUES (?, ?, ?, ?, ?, ?)', stored)
            connection.commit()
        answer = packed(path, 'a "t')
        assert answer.columns == ("i", "r", 's,"x', "b", "d", "m")
        assert sorted(answer.rows, key=repr) == sorted(map(in_utc, rows), key=repr)


def test_values_that_are_none_of_their_columns_type(tmp_path: Path) -> None:
    path = tmp_path / "odd.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE odd (amount integer, data blob, loose, kept numeric)")
        connection.execute("INSERT INTO odd VALUES (1, x'00ff', 7, 2.5)")
        connection.commit()
        assert packed(path, "odd").rows == [(1, "00FF", "7", 2.5)]
        connection.execute("INSERT INTO odd VALUES ('many', NULL, NULL, NULL)")
        connection.commit()
    with pytest.raises(QueryError, match=r"(?s)amount.*many"):
        packed(path, "odd")


@needs_postgres
def test_every_value_of_postgresql_is_what_it_was(postgres: PostgresServer) -> None:
    declared = (
        "i2 smallint, i4 integer, i8 bigint, f4 real, f8 double precision, n numeric(10, 2), big numeric, ok boolean, "
        "s text, v varchar(9), d date, t time, m timestamp, z timestamptz, u uuid, j jsonb, a integer[], b bytea"
    )
    values = (
        *(-5, 70_000, 2**62, 0.5, 0.1 + 0.2, Decimal("12.50"), 1.5, True, 'a "quoted",\nline', "", date(2013, 7, 4)),
        *(time(12, 30), datetime(2013, 7, 4, 12), datetime(2013, 7, 4, 12, tzinfo=UTC)),
        *(UUID(int=7), '{"a": 1}', "{1,2}", "\\x00ff"),
    )

    async def work() -> None:
        database = Database("values", Postgres(postgres.url, LIMITS))
        await database.open()
        await database.execute('DROP TABLE IF EXISTS "Odd Name"')
        await database.execute(f'CREATE TABLE "Odd Name" ({declared}, gone integer)')
        await database.execute('ALTER TABLE "Odd Name" DROP COLUMN gone')
        places = ", ".join(f"${number}" for number in range(1, 16))
        rest = ", ".join(f"'{value}'" for value in values[15:])
        await database.execute(f'INSERT INTO "Odd Name" VALUES ({places}, {rest})', *values[:15])
        await database.execute('INSERT INTO "Odd Name" (i2) VALUES (NULL)')
        copies = Copies(database.export, ["Odd Name"], AnalyticsOptions())
        async with copies.used(here) as views:
            query = 'SELECT * FROM "Odd Name" ORDER BY i2'
            answer = await here(ask, Question(query, (), tuple(views), BUDGET, 10))
        assert answer.rows == [values, (None,) * 18]
        await copies.close()
        await database.execute('DROP TABLE "Odd Name"')
        await database.close()

    run(work)


def test_a_folder_of_a_process_that_was_killed_is_cleared_away(tmp_path: Path) -> None:
    program = (
        "import time; from stanchion.data.analytics.folder import Folder; "
        "folder = Folder(); print(folder.path, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    assert process.stdout is not None
    other = Path(process.stdout.readline().strip())
    try:
        first = Folder()
        assert other.exists()
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    second = Folder()
    assert not other.exists()
    assert first.path.exists()
    for folder in (first, second):
        folder.close()
    assert list(tmp_path.glob("stanchion-*")) == []
