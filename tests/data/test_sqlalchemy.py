"""SQLAlchemy's sessions on both databases: what is read and written, what fails and how, and what is left of it."""

import asyncio
import threading
import time
from collections.abc import Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec import Struct
from sqlalchemy import ForeignKey, String, TextClause, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, selectinload

from stanchion.data.database import Database
from stanchion.data.failures import ConstraintViolated, DatabaseBusy, DatabaseTimeout, DatabaseUnavailable
from stanchion.data.limits import Limits
from stanchion.data.options import DatabaseOptions, database_of
from stanchion.data.postgres.driver import Postgres
from stanchion.data.sqlalchemy.sessions import Sessions
from stanchion.data.sqlite.driver import SQLite
from stanchion.deadline import shorten
from stanchion.errors import ConfigurationError
from stanchion.telemetry.tallies import DatabaseCell
from tests.data.conftest import LIMITS, Opened, run
from tests.data.postgres_server import PostgresServer, needs_postgres

ENDLESS = text(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) SELECT max(i) FROM n"
)
_ONE = text("SELECT 1")


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "authors"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50), unique=True)
    books: Mapped[list["Book"]] = relationship(back_populates="author")


class Book(Base):
    __tablename__ = "books"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    author_id: Mapped[int] = mapped_column(ForeignKey("authors.id"))
    author: Mapped[Author] = relationship(back_populates="books")


class AuthorRow(Struct):
    id: int
    name: str


@asynccontextmanager
async def library(opened: Opened) -> Any:
    """A database with an author and two books."""
    async with opened() as database:
        sessions = database.sqlalchemy()
        async with sessions.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with sessions.begin() as session:
            session.add(Author(name="Austen", books=[Book(title="Emma"), Book(title="Persuasion")]))
        yield database


async def names(session: AsyncSession) -> Sequence[str]:
    return (await session.scalars(select(Author.name).order_by(Author.name))).all()


async def given_back(database: Database) -> None:
    """No connection is in use any longer."""
    end = time.monotonic() + 5
    while database.statistics()["in_use"]:
        assert time.monotonic() < end, database.statistics()
        await asyncio.sleep(0.01)
    assert database.sqlalchemy().statistics()["in_use"] == 0
    assert "0 in use" in repr(database.sqlalchemy())


def test_models_are_read_and_written(opened: Opened) -> None:
    async def work() -> None:
        async with library(opened) as database:
            sessions = database.sqlalchemy()
            assert sessions is database.sqlalchemy()
            async with sessions() as session:
                statement = select(Author).options(selectinload(Author.books))
                author = (await session.scalars(statement)).one()
            assert [book.title for book in author.books] == ["Emma", "Persuasion"]  # readable after the session
            async with sessions.begin() as session:
                session.add_all([Author(name=f"{number}") for number in range(30)])
            async with sessions() as session:
                assert len(await names(session)) == 31
                session.add(Author(name="forgotten"))
                await session.flush()
            async with sessions() as session:  # what is not committed is rolled back
                assert "forgotten" not in await names(session)
            await given_back(database)

    run(work)


def test_both_interfaces_see_what_the_other_has_committed(opened: Opened) -> None:
    async def work() -> None:
        async with library(opened) as database:
            database.table(AuthorRow, "authors", key="id")
            assert (await database.get(AuthorRow, 1)).name == "Austen"
            await database.insert(AuthorRow(2, "Bronte"))
            async with database.sqlalchemy()() as session:
                assert await names(session) == ["Austen", "Bronte"]
            await given_back(database)

    run(work)


def test_a_violated_constraint_is_sqlalchemys_inside_and_409_outside(opened: Opened) -> None:
    async def work() -> None:
        async with library(opened) as database:
            sessions = database.sqlalchemy()
            async with sessions() as session:
                session.add(Author(name="Austen"))
                with pytest.raises(IntegrityError):
                    await session.commit()
                await session.rollback()
                assert await names(session) == ["Austen"]
            with pytest.raises(ConstraintViolated, match="authors") as raised:
                async with sessions.begin() as session:
                    session.add(Author(name="Austen"))
            assert isinstance(raised.value.__cause__, IntegrityError)
            assert raised.value.status == 409
            await given_back(database)

    run(work)


async def mistaken(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        session.add(Author(name="lost"))
        await session.flush()
        raise KeyError("mine")


def test_a_mistake_stays_what_it_is(opened: Opened) -> None:
    async def work() -> None:
        async with library(opened) as database:
            with pytest.raises(Exception, match="nowhere") as raised:
                async with database.sqlalchemy()() as session:
                    await session.execute(text("SELECT * FROM nowhere"))
            assert type(raised.value).__module__ == ProgrammingError.__module__
            with pytest.raises(KeyError, match="mine"):
                await mistaken(database.sqlalchemy())
            async with database.sqlalchemy()() as session:
                assert await names(session) == ["Austen"]
            await given_back(database)

    run(work)


def test_the_deadline_ends_a_statement_and_leaves_the_connection(opened: Opened) -> None:
    async def late(database: Database) -> None:
        shorten(time.monotonic() + 0.5)
        async with database.sqlalchemy()() as session:
            await names(session)
            await session.execute(ENDLESS)

    async def work() -> None:
        async with library(opened) as database:
            for _ in range(5):
                began = time.monotonic()
                with pytest.raises(DatabaseTimeout):
                    await asyncio.create_task(late(database))
                assert time.monotonic() - began < 5
            await given_back(database)
            async with database.sqlalchemy()() as session:
                assert await names(session) == ["Austen"]
            assert database.recorder.counts[DatabaseCell.TIMED_OUT] == 5

    run(work)


def test_a_thousand_cancelled_sessions_leave_nothing(opened: Opened) -> None:
    async def endless(database: Database) -> None:
        async with database.sqlalchemy()() as session:
            await session.execute(ENDLESS)

    async def short(database: Database) -> None:
        async with database.sqlalchemy().begin() as session:
            session.add(Author(name="short"))
            await session.flush()
            await session.rollback()

    async def work() -> None:
        async with library(opened) as database:
            threads = threading.active_count()
            for number in range(20):
                tasks = [asyncio.create_task(endless(database)) for _ in range(25)]
                tasks += [asyncio.create_task(short(database)) for _ in range(25)]
                await asyncio.sleep(0.002 * number)
                for task in tasks:
                    task.cancel()
                outcomes = await asyncio.gather(*tasks, return_exceptions=True)
                assert {type(outcome) for outcome in outcomes} <= {asyncio.CancelledError, type(None)}
            await given_back(database)
            async with database.sqlalchemy()() as session:
                assert await names(session) == ["Austen"]
            assert threading.active_count() <= threads + 5
            if "Postgres" in repr(database):
                active = "SELECT count(*) FROM pg_stat_activity WHERE state <> 'idle' AND pid <> pg_backend_pid()"
                end = time.monotonic() + 5
                while await database.one(int, active):
                    assert time.monotonic() < end, "statements that nobody waits for still run"
                    await asyncio.sleep(0.05)

    run(work)


def test_statements_are_recorded(opened: Opened) -> None:
    async def work() -> None:
        async with library(opened) as database:
            before = database.recorder.statistics()["statements"]
            async with database.sqlalchemy()() as session:
                for _ in range(3):
                    await names(session)
            assert database.recorder.statistics()["statements"] == before + 3
            entry = next(entry for entry in database.recorder.entries() if "ORDER BY authors.name" in entry.text)
            assert (entry.calls, entry.verb.upper(), entry.table) == (3, "SELECT", "authors")

    run(work)


def test_what_a_session_has_written_is_told_after_its_commit(opened: Opened) -> None:
    async def work() -> None:
        async with library(opened) as database:
            told: list[tuple[set[str], Sequence[str]]] = []
            sessions = database.sqlalchemy()

            async def tell(*tags: str) -> None:
                async with sessions() as session:
                    told.append((set(tags), await names(session)))

            database.tags("authors")
            database.telling.to = tell
            async with sessions() as session:
                session.add(Author(name="Bronte"))
                await session.flush()
                assert told == []
                await session.commit()
                assert told == [({"table:authors"}, ["Austen", "Bronte"])]
                await session.execute(text("UPDATE books SET title = 'x'"))  # nobody has asked for its tags
                await session.commit()
            async with sessions() as session:
                await names(session)
                await session.commit()
            assert len(told) == 1
            with pytest.raises(ConstraintViolated):
                async with sessions.begin() as session:
                    session.add(Author(name="Bronte"))
            assert len(told) == 1

    run(work)


def test_as_many_sessions_at_one_time_as_there_are_connections(opened: Opened) -> None:
    async def work() -> None:
        async with library(opened) as database:
            sessions = database.sqlalchemy()
            at_work, most = 0, 0

            async def one() -> None:
                nonlocal at_work, most
                async with sessions() as session:
                    await names(session)
                    at_work += 1
                    most = max(most, at_work)
                    await asyncio.sleep(0.001)
                    at_work -= 1

            await asyncio.gather(*(one() for _ in range(100)))
            assert 1 < most <= 10

    run(work)


def test_a_full_queue(opened: Opened) -> None:
    async def held(database: Database, seconds: float) -> None:
        async with database.sqlalchemy()() as session:
            await names(session)
            await asyncio.sleep(seconds)

    async def work() -> None:
        async with library(opened) as database:
            holding = [asyncio.create_task(held(database, 0.5)) for _ in range(10)]
            await asyncio.sleep(0.2)

            async def hurried() -> None:
                shorten(time.monotonic() + 0.1)
                await held(database, 0)

            with pytest.raises(DatabaseBusy):
                await asyncio.create_task(hurried())
            await asyncio.gather(*holding)
            await held(database, 0)

    run(work)


@needs_postgres
def test_a_server_never_has_more_connections_than_were_declared(postgres: PostgresServer) -> None:
    """Whichever interface they were made for."""
    ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'stanchion shared'"

    async def work() -> None:
        driver = Postgres(postgres.url, Limits(waiting=1000, patience=10.0), label="stanchion shared")
        database = Database("shared", driver, connections=8)  # half of them are a successor's
        await database.open()
        counts: list[int] = []

        async def by_session() -> None:
            async with database.sqlalchemy()() as session:
                counts.append((await session.scalars(text(ours))).one())

        async def by_database() -> None:
            counts.extend(await database.all(int, ours))

        for _ in range(10):
            await asyncio.gather(*(by_session() for _ in range(10)))
            await asyncio.gather(*(by_database() for _ in range(10)))
            await asyncio.gather(*(each() for each in (by_session, by_database) * 10))
        assert max(counts) == 4
        await database.close()

    run(work)


async def one_of(sessions: Sessions, statement: TextClause = _ONE) -> int:
    async with sessions() as session:
        number: int = (await session.scalars(statement)).one()
        return number


@needs_postgres
def test_a_server_that_was_killed_and_is_back() -> None:
    async def work() -> None:
        server = PostgresServer()
        try:
            database = database_of("killed", server.url, DatabaseOptions(connections=8, patience=5.0))
            await database.open()
            sessions = database.sqlalchemy()
            assert await one_of(sessions) == 1
            server.kill()
            with pytest.raises(DatabaseUnavailable):
                await one_of(sessions)
            server.start()
            assert await one_of(sessions) == 1
            killing = asyncio.create_task(one_of(sessions, text("SELECT 1 FROM pg_sleep(10)")))
            await asyncio.sleep(0.2)
            server.kill()
            with pytest.raises(DatabaseUnavailable):
                await killing
            server.start()
            assert await asyncio.gather(*(one_of(sessions) for _ in range(10))) == [1] * 10
            await database.close()
        finally:
            server.close()

    run(work)


@needs_postgres
def test_a_lost_connection_is_no_other_sessions_matter(postgres: PostgresServer) -> None:
    process = text("SELECT pg_backend_pid()")

    async def work() -> None:
        database = Database("lost", Postgres(postgres.url, LIMITS), connections=8)
        await database.open()
        sessions = database.sqlalchemy()
        for _ in range(3):
            async with sessions() as one, sessions() as other:
                kept = [await session.scalar(process) for session in (one, other)]
                await asyncio.to_thread(
                    postgres.run, "psql", "-c", f"SELECT pg_terminate_backend({kept[0]})", postgres.url
                )
                with pytest.raises(DBAPIError):
                    await one.scalar(process)
                await one.rollback()
                assert await other.scalar(process) == kept[1]
            assert await one_of(sessions, process) == kept[1]
        await database.close()

    run(work)


@needs_postgres
def test_a_connection_that_its_user_has_invalidated(postgres: PostgresServer) -> None:
    async def work() -> None:
        database = Database("invalid", Postgres(postgres.url, LIMITS), connections=2)  # a worker has one
        await database.open()
        sessions = database.sqlalchemy()
        for soft in (False, True):
            async with sessions.engine.connect() as connection:
                lent = await connection.get_raw_connection()
                lent.invalidate(soft=soft)
            outcomes = [await asyncio.gather(one_of(sessions), return_exceptions=True) for _ in range(3)]
            assert outcomes[1:] == [[1], [1]]
            assert isinstance(outcomes[0][0], DatabaseUnavailable) == soft
            await given_back(database)
        await database.close()

    run(work)


def test_a_database_that_is_not_open_and_one_in_memory() -> None:
    async def work() -> None:
        with pytest.raises(ConfigurationError, match="give it a file"):
            Database("memory", SQLite(":memory:", Limits(waiting=1, patience=1.0))).sqlalchemy()

    run(work)
