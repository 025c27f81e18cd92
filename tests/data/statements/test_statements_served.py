"""A served app's statements: counted on the board by database, by verb and table, and by route."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from stanchion import App
from stanchion.cluster.status import databases, snapshot
from stanchion.telemetry.exposition import render
from tests.data.postgres_server import PostgresServer, needs_postgres
from tests.telemetry.pages import EXTRA, parse
from tests.wire.client import get
from tests.wire.serving import Serving


class Item(Struct):
    id: int
    name: str


def shop(url: str) -> App:
    app = App("shop")
    database = app.database(url, connections=4)

    @app.get("/one/{id}")
    async def one(id: int) -> Item:
        return await database.get(Item, id)

    @app.get("/loop")
    async def loop() -> int:
        return len([await database.get(Item, id) for id in range(5)])

    @app.get("/together")
    async def together() -> int:
        return len(await asyncio.gather(*(database.get(Item, id) for id in range(5))))

    @app.get("/written-loop")
    async def written_loop() -> int:
        return len([await database.one(Item, "SELECT id, name FROM items WHERE id = $1", id) for id in range(5)])

    @app.get("/wrong")
    async def wrong() -> int:
        return await database.execute("UPDATE items SET nothing = 1")

    @app.lifespan
    async def tables(app: App) -> Any:
        await database.execute("DROP TABLE IF EXISTS items")
        await database.execute("CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL)")
        await asyncio.gather(*(database.insert(Item(id, f"item {id}")) for id in range(5)))
        yield

    return app


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=needs_postgres)])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Serving]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/shop.db"
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.url
    serving = Serving("uvloop", shop(url), repeated_statements=4)
    yield serving
    assert len(serving.stop()) <= 1  # that of /wrong


def page_after(served: Serving, *paths: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    with served.connect() as client:
        for path in paths:
            client.send(get(path)).answer()
    served.compiled.decisions()
    shown = snapshot(served.compiled.runtime.board)
    return parse(render(shown, EXTRA, openmetrics=False))


def test_statements_by_verb_and_table(served: Serving) -> None:
    page = page_after(served, "/one/1", "/one/2", "/written-loop", "/wrong")

    def told(name: str, verb: str) -> float:
        return page[f"stanchion_{name}_total", frozenset({("database", "main"), ("verb", verb), ("table", "items")})]

    assert told("statements", "select") == told("statement_rows", "select") == 7
    assert told("statement_rows", "insert") == 5
    assert (told("statements", "insert"), told("statements", "update")) == (1, 1)
    assert (told("statement_failures", "update"), told("statement_failures", "select")) == (1, 0)
    assert told("statement_seconds", "select") > 0
    counts = databases(snapshot(served.compiled.runtime.board))["main"]
    assert (counts["statements"], counts["batches"], counts["failed"]) == (11, 3, 1)
    assert (counts["in_use"], counts["waiting"]) == (0, 0)
    assert counts["connections"] >= 1


def test_reads_awaited_one_after_the_other_are_counted_and_those_of_one_batch_are_not(served: Serving) -> None:
    repeated = ("stanchion_database_repeated_total", frozenset({("database", "main")}))
    assert page_after(served, "/together", "/one/1")[repeated] == 0
    assert page_after(served, "/loop")[repeated] == 1
    assert page_after(served, "/written-loop")[repeated] == 2
    entries = served.compiled.app.databases["main"].recorder.entries()
    by_text = {entry.text: entry for entry in entries if entry.verb == "select"}
    looked_up = by_text['SELECT "id", "name" FROM "items" WHERE "id" = $1']
    assert looked_up.routes == ["GET /together", "GET /one/{id}", "GET /loop"]
    assert (looked_up.repeating, looked_up.most) == (["GET /loop"], 5)
    assert by_text["SELECT id, name FROM items WHERE id = $1"].repeating == ["GET /written-loop"]


@pytest.mark.parametrize(("reload", "count"), [(True, 1), (False, 0)])
def test_development_is_warned_once_a_route(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, reload: bool, count: int
) -> None:
    serving = Serving("uvloop", shop(f"sqlite:///{tmp_path}/shop.db"), repeated_statements=4, reload=reload)
    try:
        page_after(serving, "/loop", "/loop", "/together")
    finally:
        assert serving.stop() == []
    told = [record.getMessage() for record in caplog.records if record.name == "stanchion.data"]
    assert len(told) == count
    assert all(line.startswith("GET /loop has asked more than 4 times, one after the other: SELECT") for line in told)


@needs_postgres
def test_the_wait_for_a_connection_is_told_apart(postgres: PostgresServer) -> None:
    app = App("shop")
    database = app.database(postgres.url, connections=2)  # one for each worker, and this one has no other beside it

    @app.get("/both")
    async def both() -> int:
        sleep = "SELECT count(*) FROM (SELECT pg_sleep($1)) AS slept"
        return len(await asyncio.gather(database.all(int, sleep, 0.1), database.all(int, sleep, 0.1)))

    serving = Serving("uvloop", app)
    try:
        page_after(serving, "/both")
    finally:
        assert serving.stop() == []
    [entry] = [entry for entry in database.recorder.entries() if "pg_sleep" in entry.text]
    assert entry.calls == 2
    assert 0.09 < entry.waited < entry.seconds / 2  # one of them waited for the other, and both slept
    assert entry.seconds - entry.waited > 0.19
