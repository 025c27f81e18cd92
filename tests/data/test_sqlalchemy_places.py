"""Sessions where statements go by other connections: through a real PgBouncer, and to the primary beside a replica."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text

from stanchion.data.database import Database
from stanchion.data.failures import DatabaseTimeout, DatabaseUnavailable
from stanchion.data.limits import Limits
from stanchion.data.postgres.driver import Postgres
from stanchion.data.sqlalchemy.sessions import Sessions
from stanchion.deadline import shorten
from tests.data.conftest import run
from tests.data.pgbouncer import PgBouncer, needs_pgbouncer
from tests.data.postgres_server import PostgresServer, needs_postgres
from tests.data.replicas.replica_servers import Servers
from tests.data.replicas.replicated import opened, replayed

pytestmark = needs_postgres


async def value(sessions: Sessions, statement: str, **values: Any) -> Any:
    async with sessions() as session:
        return (await session.scalars(text(statement), values)).one()


async def within(seconds: float, ask: Callable[[], Awaitable[Any]]) -> Any:
    """The first answer, after failures for as long as that."""
    end = asyncio.get_running_loop().time() + seconds
    while True:
        try:
            return await ask()
        except (DatabaseUnavailable, DatabaseTimeout):
            assert asyncio.get_running_loop().time() < end
            await asyncio.sleep(0.05)


@needs_pgbouncer
def test_statements_of_many_shapes_through_pgbouncer(postgres: PostgresServer) -> None:
    async def sum_of(sessions: Sessions, number: int) -> None:
        terms = " + ".join(f"cast(:n{place} as int)" for place in range(number % 7 + 1))
        values = {f"n{place}": number for place in range(number % 7 + 1)}
        assert await value(sessions, f"SELECT {terms}", **values) == number * (number % 7 + 1)

    async def late(sessions: Sessions) -> None:
        shorten(asyncio.get_running_loop().time() + 0.2)
        await value(sessions, "SELECT 1 FROM pg_sleep(20)")

    async def work() -> None:
        bouncer = PgBouncer(postgres, 3)
        try:
            driver = Postgres(bouncer.url, Limits(waiting=1000, patience=5.0), prepared=False)
            database = Database("bounced", driver, connections=20)
            await database.open()
            sessions = database.sqlalchemy()
            await asyncio.gather(*(sum_of(sessions, number) for number in range(200)))
            with pytest.raises(DatabaseTimeout):
                await asyncio.create_task(late(sessions))
            await asyncio.gather(*(sum_of(sessions, number) for number in range(50)))
            await database.close()
        finally:
            bouncer.close()

    run(work)


def test_sessions_are_on_the_primary_and_follow_it() -> None:
    recovery = "SELECT pg_is_in_recovery()"

    async def work() -> None:
        servers = Servers()
        try:
            async with opened(servers) as database:
                sessions = database.sqlalchemy()
                assert [await value(sessions, recovery) for _ in range(10)] == [False] * 10
                async with sessions.begin() as session:
                    await session.execute(text("CREATE TABLE notes (id int PRIMARY KEY)"))
                    await session.execute(text("INSERT INTO notes VALUES (1)"))
                await replayed(servers)
                await asyncio.to_thread(servers.primary.shut_down)
                await asyncio.to_thread(servers.one.promote)
                assert await within(10, lambda: value(sessions, recovery)) is False
                async with sessions.begin() as session:
                    await session.execute(text("INSERT INTO notes VALUES (2)"))
                assert await value(sessions, "SELECT count(*) FROM notes") == 2
        finally:
            servers.close()

    run(work)
