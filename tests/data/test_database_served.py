"""A served app whose PostgreSQL is exhausted, frozen, killed and back: what each client gets, and how soon."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import Struct

from stanchion import App
from tests.data.postgres_server import PostgresServer, needs_postgres
from tests.wire.client import Client, get, post
from tests.wire.reader import Answer
from tests.wire.serving import Serving

pytestmark = needs_postgres


class Item(Struct):
    id: int
    name: str


@pytest.fixture(scope="module")
def mortal() -> Iterator[PostgresServer]:
    """A PostgreSQL that may be killed."""
    server = PostgresServer("-c", "max_connections=30")
    yield server
    server.close()


def shop(url: str, **options: Any) -> App:
    app = App("shop", timeout=1.0)
    database = app.database(url, connections=4, patience=2.0, **options)

    @app.get("/items/{id}")
    async def item(id: int) -> Item:
        return await database.get(Item, id)

    @app.post("/items")
    async def add(item: Item) -> Item:
        return await database.insert(item)

    @app.get("/slow/{seconds}", timeout=5)
    async def slow(seconds: float) -> int:
        return await database.execute("SELECT pg_sleep($1)", seconds)

    @app.get("/plain")
    async def plain() -> str:
        return "ok"

    @app.lifespan
    async def tables(app: App) -> Any:
        await database.execute("CREATE TABLE IF NOT EXISTS items (id int PRIMARY KEY, name text NOT NULL UNIQUE)")
        await database.execute("TRUNCATE items")
        await database.insert(Item(1, "one"))
        yield

    return app


@pytest.fixture
def served(mortal: PostgresServer) -> Iterator[Serving]:
    serving = Serving("uvloop", shop(mortal.url))
    yield serving
    assert serving.stop() == []


def problem(answer: Answer) -> tuple[int, str]:
    return answer.status, json.loads(answer.body)["code"]


def asked(client: Client, path: str) -> Answer:
    return client.send(get(path)).answer()


def plain_within(served: Serving, seconds: float) -> None:
    """The route without the database answers, fifty times in a row, each within `seconds`."""
    with served.connect() as client:
        for _ in range(50):
            began = time.monotonic()
            assert asked(client, "/plain").status == 200
            assert time.monotonic() - began < seconds


def recovered_within(served: Serving, seconds: float) -> None:
    end = time.monotonic() + seconds
    with served.connect() as client:
        while asked(client, "/items/1").status != 200:
            assert time.monotonic() < end, f"not back after {seconds} s"
            time.sleep(0.02)


def test_rows_and_what_there_is_instead(served: Serving) -> None:
    with served.connect() as client:
        assert json.loads(asked(client, "/items/1").body) == {"id": 1, "name": "one"}
        assert problem(asked(client, "/items/2")) == (404, "not-found")
        body = json.dumps({"id": 3, "name": "one"}).encode()
        clash = client.send(post("/items", body, "content-type: application/json")).answer()
        assert problem(clash) == (409, "constraint-violated")
        assert "items_name_key" in json.loads(clash.body)["detail"]


def test_a_pool_that_is_exhausted_keeps_nobody_else_waiting(served: Serving) -> None:
    busy = [served.connect() for _ in range(2)]  # one worker: half of four connections, the others are a reload's
    for client in busy:
        client.send(get("/slow/0.7"))
    time.sleep(0.1)
    plain_within(served, 0.1)
    waiting = served.connect()
    assert asked(waiting, "/items/1").status == 200  # it had to wait, and was in time
    for client in busy:
        assert client.answer().status == 200
    for client in busy:
        client.send(get("/slow/2"))
    time.sleep(0.1)
    began = time.monotonic()
    late = asked(waiting, "/items/1")
    assert time.monotonic() - began < 1.1
    assert (*problem(late), late.headers["retry-after"]) == (503, "database-busy", "1")
    recovered_within(served, 2)


def test_a_frozen_server(served: Serving, mortal: PostgresServer) -> None:
    with served.connect() as client:
        assert asked(client, "/items/1").status == 200
        mortal.freeze()
        try:
            began = time.monotonic()
            assert asked(client, "/items/1").status in (503, 504)
            assert time.monotonic() - began < 2
            plain_within(served, 0.1)
        finally:
            mortal.thaw()
    recovered_within(served, 2)


def test_a_killed_server_and_its_return(served: Serving, mortal: PostgresServer) -> None:
    with served.connect() as client:
        assert asked(client, "/items/1").status == 200
        mortal.kill()
        answer = asked(client, "/items/1")
        assert problem(answer) == (503, "database-unavailable")
        assert answer.headers["retry-after"] == "1"
        plain_within(served, 0.1)
        mortal.start()
    recovered_within(served, 2)


def test_an_app_starts_without_its_database() -> None:
    app = App("alone")
    database = app.database("postgresql://postgres@127.0.0.1:1/none", connections=4)

    @app.get("/items/{id}")
    async def item(id: int) -> Item:
        return await database.get(Item, id)

    serving = Serving("uvloop", app)
    try:
        with serving.connect() as client:
            assert problem(asked(client, "/items/1")) == (503, "database-unavailable")
    finally:
        assert serving.stop() == []
