"""Statements in traces: whose they are, what they took, and what they tell, on both kinds of database."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from msgspec import Struct
from sqlalchemy import text

from stanchion import App, Database
from tests.data.postgres_server import PostgresServer, needs_postgres
from tests.telemetry.collector import Collector, Seen
from tests.telemetry.traced import Traced, run, traced

UNSAMPLED = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"}
SLOW = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000) SELECT max(i) FROM n",
    "postgresql": "SELECT 1 AS i FROM pg_sleep(0.6)",
}


class Item(Struct):
    id: int
    name: str


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=needs_postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/shop.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.url


def shop(url: str) -> App:
    app = App("shop")
    kind = url.partition(":")[0]
    db = app.database(url, connections=1 if kind == "sqlite" else 2)  # one in either case: half is a successor's
    db.table(Item, "items", key="id")

    @app.get("/items/{id}")
    async def item(id: int) -> Item:
        return await db.get(Item, id)

    @app.get("/named/{name}")
    async def named(name: str) -> list[Item]:
        return await db.all(Item, "SELECT id, name FROM items WHERE name <> $1 AND id < 100 ORDER BY id", name)

    @app.get("/moved")
    async def moved() -> int:
        async with db.transaction() as work:
            return await work.execute("UPDATE items SET name = $1", "moved")

    @app.get("/wrong")
    async def wrong() -> None:
        await db.execute("SELECT nothing FROM nowhere")

    @app.get("/slow")
    async def slow() -> None:
        await db.execute(SLOW[kind])

    @app.get("/new/{id}")
    async def new(id: int) -> Item:
        return await db.insert(Item(id=id, name="new"))

    sessions = db.sqlalchemy()

    @app.get("/mapped/{id}")
    async def mapped(id: int) -> str:
        async with sessions() as session:
            return str(await session.scalar(text("SELECT name FROM items WHERE id = :id"), {"id": id}))

    @app.lifespan
    async def filled(_: App):  # type: ignore[no-untyped-def]
        await _fill(db)
        yield

    return app


async def _fill(db: Database) -> None:
    await db.execute("DROP TABLE IF EXISTS items")
    await db.execute("CREATE TABLE items (id integer PRIMARY KEY, name text NOT NULL)")
    for id in range(1, 6):
        await db.execute("INSERT INTO items (id, name) VALUES ($1, $2)", id, f"item {id}")


def asked(url: str, work: Callable[[Traced], Awaitable[object]]) -> tuple[list[Seen], list[Seen]]:
    """The spans of requests, and those of statements, that come of it."""

    async def main() -> None:
        async with traced(shop(url), collector) as server:
            await work(server)

    with Collector() as collector:
        run(main)
        spans = collector.spans
    return [span for span in spans if span.kind == "server"], [span for span in spans if span.kind == "client"]


def test_a_statement_is_a_part_of_its_request(url: str) -> None:
    (request,), (statement,) = asked(url, lambda server: server.get("/named/Jane"))
    assert (statement.trace_id, statement.parent_id) == (request.trace_id, request.span_id)
    assert request.began <= statement.began < statement.ended <= request.ended
    assert statement.name == "select items"
    told = statement.attributes
    assert told["db.system.name"] == url.partition(":")[0]
    assert told["db.namespace"] == ("shop.db" if "sqlite" in url else "postgres")
    assert told["db.query.text"] == "SELECT id, name FROM items WHERE name <> $1 AND id < ? ORDER BY id"
    assert (told["db.operation.name"], told["db.collection.name"]) == ("select", "items")
    assert told["db.response.returned_rows"] == 5
    assert told["http.route"] == request.attributes["http.route"] == "/named/{name}"
    assert 0 <= told["stanchion.pool.wait"] < (statement.ended - statement.began) / 1e9
    assert "db.operation.batch.size" not in told
    assert not any("Jane" in str(value) for value in told.values())
    assert not statement.failed


def test_what_a_transaction_changes_is_told_as_rows(url: str) -> None:
    (request,), (begin, statement) = asked(url, lambda server: server.get("/moved"))
    assert begin.parent_id == statement.parent_id == request.span_id
    assert begin.ended <= statement.began
    assert (statement.name, statement.attributes["db.response.returned_rows"]) == ("update items", 5)


def test_a_gathered_statement_is_one_span_linked_to_all_it_is_for(url: str) -> None:
    requests, statements = asked(url, lambda server: _together(server, "/items/1", "/items/2", "/items/2"))
    assert [request.attributes["http.response.status_code"] for request in requests] == [200] * 3
    batch = max(statements, key=lambda span: len(span.links))
    callers = [(request.trace_id, request.span_id) for request in requests]
    assert {(batch.trace_id, batch.parent_id), *batch.links} <= set(callers)
    told = [(span.trace_id, span.parent_id) for span in statements] + [
        link for span in statements for link in span.links
    ]
    assert sorted(told) == sorted(callers)  # each request's read is in one statement


def test_a_batch_is_in_the_trace_of_the_first_that_is_sampled(url: str) -> None:
    async def work(server: Traced) -> None:
        blocked = asyncio.create_task(server.get("/slow"))  # holds the one connection, so that the others gather
        await asyncio.sleep(0.05)
        asks = [server.get("/items/1", UNSAMPLED), server.get("/items/2"), server.get("/items/3")]
        answers = await asyncio.gather(*asks)
        assert [status for status, _ in answers] == [200] * 3
        await blocked

    requests, statements = asked(url, work)
    reads = {request.span_id for request in requests if request.name == "GET /items/{id}"}
    assert len(reads) == 2
    found = [span for span in statements if span.parent_id in reads]
    assert {span.parent_id for span in found} | {link for span in found for _, link in span.links} == reads
    assert sum(span.attributes.get("db.operation.batch.size", 1) for span in found) in (2, 3)


def test_the_wait_for_a_connection_is_told(url: str) -> None:
    async def work(server: Traced) -> None:
        await asyncio.gather(server.get("/slow"), server.get("/slow"))

    _, statements = asked(url, work)
    first, second = sorted(span.attributes["stanchion.pool.wait"] for span in statements)
    assert first == 0
    assert second > 0.02


def test_the_wait_of_a_transaction_is_that_of_its_beginning(url: str) -> None:
    async def work(server: Traced) -> None:
        blocked = asyncio.create_task(server.get("/slow"))
        await asyncio.sleep(0.02)
        await asyncio.gather(blocked, server.get("/moved"))

    _, statements = asked(url, work)
    (begin,) = [span for span in statements if span.name == "begin"]
    assert begin.attributes["db.system.name"] == url.partition(":")[0]
    assert begin.attributes["http.route"] == "/moved"
    assert begin.attributes["stanchion.pool.wait"] > 0.02
    assert (begin.ended - begin.began) / 1e9 >= begin.attributes["stanchion.pool.wait"]


def test_inserts_are_gathered_too_and_a_refused_one_is_the_requests(url: str) -> None:
    requests, statements = asked(url, lambda server: _together(server, "/new/11", "/new/12", "/new/1"))
    assert sorted(request.attributes["http.response.status_code"] for request in requests) == [200, 200, 409]
    assert sum(span.attributes["db.response.returned_rows"] for span in statements) == 2
    assert {span.name for span in statements} == {"insert items"}


def test_a_statement_that_fails_says_what_it_was(url: str) -> None:
    (request,), (statement,) = asked(url, lambda server: server.get("/wrong"))
    assert statement.failed
    assert statement.attributes["error.type"]
    assert "nowhere" not in statement.attributes["error.type"]
    assert request.attributes["error.type"] == "500"


def test_statements_of_sqlalchemy_are_told_as_well(url: str) -> None:
    (request,), statements = asked(url, lambda server: server.get("/mapped/3"))
    assert request.attributes["http.response.status_code"] == 200
    (statement,) = [span for span in statements if span.name == "select items"]
    assert (statement.parent_id, statement.attributes["http.route"]) == (request.span_id, "/mapped/{id}")
    assert not any("item 3" in str(value) for value in statement.attributes.values())


def test_a_request_that_is_not_sampled_makes_nothing(url: str) -> None:
    async def work(server: Traced) -> None:
        assert (await server.get("/items/1", UNSAMPLED))[0] == 200
        assert (await server.get("/named/x", UNSAMPLED))[0] == 200

    assert asked(url, work) == ([], [])


async def _together(server: Traced, *paths: str) -> None:
    await asyncio.gather(*map(server.get, paths))
