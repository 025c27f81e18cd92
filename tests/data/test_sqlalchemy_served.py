"""A served app with SQLAlchemy's sessions on PostgreSQL: exhausted, frozen, killed, and left by its clients."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from stanchion import App, NotFound
from tests.data.postgres_server import PostgresServer, needs_postgres
from tests.data.shop import asked, asked_at_once, comes_true, on_server, plain_within, problem, recovered_within
from tests.wire.client import get
from tests.wire.serving import Serving

pytestmark = needs_postgres
ACTIVE = "SELECT count(*) FROM pg_stat_activity WHERE state <> 'idle' AND pid <> pg_backend_pid()"
OURS = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'stanchion%'"
REFUSED = {
    (503, "database-busy"),
    (503, "database-unavailable"),
    (504, "database-timeout"),
    (504, "deadline-exceeded"),
}


class Base(DeclarativeBase):
    pass


class Thing(Base):
    __tablename__ = "things"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


def store(url: str) -> App:
    """One worker has two of its four connections: the others are its successor's, at a reload."""
    app = App("store", timeout=1.0)
    database = app.database(url, connections=4)
    sessions = database.sqlalchemy()

    @app.get("/items/{id}")
    async def item(id: int) -> str:
        async with sessions() as session:
            found = await session.get(Thing, id)
        if found is None:
            raise NotFound
        return found.name

    @app.get("/add/{name}")
    async def add(name: str) -> str:
        async with sessions.begin() as session:
            session.add(Thing(name=name))
        return name

    @app.get("/slow/{seconds}", timeout=4)
    async def slow(seconds: float) -> str:
        async with sessions() as session:
            await session.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})
        return "slept"

    @app.get("/plain")
    async def plain() -> str:
        return "ok"

    @app.lifespan
    async def tables(app: App) -> Any:
        async with sessions.engine.begin() as connection:
            await connection.run_sync(Base.metadata.drop_all)
            await connection.run_sync(Base.metadata.create_all)
        async with sessions.begin() as session:
            session.add(Thing(id=1, name="one"))
        yield

    return app


@pytest.fixture
def served(mortal: PostgresServer) -> Iterator[Serving]:
    serving = Serving("uvloop", store(mortal.url))
    yield serving
    assert serving.stop() == []


def test_rows_and_what_there_is_instead(served: Serving) -> None:
    with served.connect() as client:
        assert asked(client, "/items/1").body == b"one"
        assert asked(client, "/items/7").status == 404
        assert problem(asked(client, "/add/one")) == (409, "constraint-violated")
        late = asked(client, "/slow/9")
        assert late.status == 504
        assert problem(late) in REFUSED  # the rollback has 10 ms until the deadline, which a busy machine may exceed


def test_sessions_that_have_all_connections_keep_nobody_else_waiting(served: Serving) -> None:
    busy = [served.connect() for _ in range(2)]
    for client in busy:
        client.send(get("/slow/3"))
    time.sleep(0.1)
    plain_within(served, 0.1)
    began = time.monotonic()
    with served.connect() as client:
        late = asked(client, "/items/1")
    assert time.monotonic() - began < 2.5
    assert problem(late) in {(503, "database-busy"), (504, "deadline-exceeded")}  # 10 ms lie between them
    assert [client.answer().status for client in busy] == [200, 200]
    recovered_within(served, 6)


def test_a_frozen_server(served: Serving, mortal: PostgresServer) -> None:
    recovered_within(served, 6)
    mortal.freeze()
    try:
        for answer, seconds in asked_at_once(served, "/items/1", 10):
            assert seconds < 3
            assert problem(answer) in REFUSED
        plain_within(served, 0.1)
    finally:
        mortal.thaw()
    recovered_within(served, 6)


def test_a_killed_server_and_its_return(served: Serving, mortal: PostgresServer) -> None:
    recovered_within(served, 6)
    mortal.kill()
    with served.connect() as client:
        answer = asked(client, "/items/1")
    assert (*problem(answer), answer.headers["retry-after"]) == (503, "database-unavailable", "1")
    plain_within(served, 0.1)
    mortal.start()
    recovered_within(served, 6)


def test_a_thousand_requests_that_clients_have_left(served: Serving, mortal: PostgresServer) -> None:
    for number in range(10):
        clients = [served.connect() for _ in range(100)]
        for place, client in enumerate(clients):
            client.send(get("/slow/30" if place % 2 else "/items/1"))
        time.sleep(0.003 * number)
        for place, client in enumerate(clients):
            client.reset() if place % 3 else client.close()
    database = served.compiled.app.databases["main"]
    comes_true(lambda: database.statistics()["in_use"] == database.statistics()["waiting"] == 0, 10)
    comes_true(lambda: on_server(mortal.url, ACTIVE) == 0, 10)
    comes_true(lambda: database.statistics()["connections"] == on_server(mortal.url, OURS) <= 2, 10)
    assert [answer.status for answer, _ in asked_at_once(served, "/items/1", 20)] == [200] * 20
