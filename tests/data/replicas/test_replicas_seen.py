"""Clients of a served app whose replicas replay nothing: what each of them sees of its own writes and of others'."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from stanchion import App, Cache, Off, Response, cached
from stanchion.cluster.status import databases, snapshot
from stanchion.data.replicas.seen import begin, carried, carry
from stanchion.errors import NotFound, RouteError
from stanchion.http.seal import Seal
from stanchion.policies.read_your_writes import COOKIE, HEADER, ReadYourWrites
from stanchion.settings import Settings
from stanchion.telemetry.exposition import render
from stanchion.testing import Client
from tests.data.postgres_server import needs_postgres
from tests.data.replicas.replica_servers import Servers
from tests.data.replicas.replicated import PORT
from tests.telemetry.pages import EXTRA, parse
from tests.wire.client import get
from tests.wire.serving import Serving

pytestmark = needs_postgres
KEPT = Response(b"kept", status=201)
SECRET = "a secret of more than sixteen characters"


class Item(Struct):
    id: int
    name: str


class Seen(Struct):
    item: Item | None
    port: int


def shop(servers: Servers, **policies: Any) -> App:
    app = App("shop", **policies)
    db = app.database(servers.primary.url, replicas=servers.replica_urls, connections=24, max_lag=60)

    async def seen(id: int) -> Seen:
        found = await db.find(Item, id)
        row = await db.one(Item, "SELECT * FROM items WHERE id = $1", id)
        assert row == found
        return Seen(found, await db.one(int, PORT) or 0)

    @app.get("/items/{id}")
    async def item(id: int) -> Seen:
        return await seen(id)

    @app.get("/cached/{id}", cache=Cache(ttl=60))
    async def kept(id: int) -> Seen:
        return await seen(id)

    @cached(ttl=60)
    async def remembered(id: int) -> int:
        return (await seen(id)).port

    @app.batched()
    async def names(ids: Sequence[int]) -> dict[int, str]:
        items = await db.all(Item, "SELECT * FROM items WHERE id = any($1)", list(ids))
        return {item.id: item.name for item in items}

    @app.get("/names/{id}")
    async def name(id: int) -> str | None:
        return await names(id)

    @cached(ttl=60)
    async def kept_name(id: int) -> str | None:
        return await names(id)

    @app.get("/kept-names/{id}")
    async def same_name(id: int) -> str | None:
        return await kept_name(id)

    @app.get("/remembered/{id}")
    async def both(id: int) -> list[int]:
        return [await remembered(id), (await seen(id)).port]

    @app.post("/items")
    async def add(item: Item) -> Seen:
        await db.insert(item)
        return await seen(item.id)

    @app.post("/items/by/{way}")
    async def by(way: str, item: Item) -> Seen:
        insert = "INSERT INTO items VALUES ($1, $2)"
        if way == "execute":
            await db.execute(insert, item.id, item.name)
        elif way == "fetch":
            await db.one(Item, insert + " RETURNING *", item.id, item.name)
        elif way == "query":
            await db.one(Item, f"WITH new AS ({insert} RETURNING *) SELECT * FROM new", item.id, item.name)
        elif way == "task":
            await asyncio.gather(db.insert(item))
        elif way == "transaction":
            async with db.transaction() as transaction:
                await transaction.execute(insert, item.id, item.name)
        else:
            raise NotFound(way)
        return await seen(item.id)

    @app.post("/kept")
    async def answer_that_is_kept() -> Response:
        await db.execute("UPDATE items SET name = name WHERE id = 1")
        return KEPT

    return app


@pytest.fixture(scope="module")
def filled(servers: Servers) -> Servers:
    servers.primary.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    servers.primary.sql("CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL)")
    servers.primary.sql("INSERT INTO items VALUES (1, 'one')")
    caught_up(servers)
    return servers


def caught_up(servers: Servers) -> None:
    position = servers.primary.sql("SELECT pg_current_wal_lsn()")
    end = time.monotonic() + 10
    for replica in (servers.one, servers.other):
        while replica.sql(f"SELECT pg_last_wal_replay_lsn() >= '{position}'") != "t":
            assert time.monotonic() < end
            time.sleep(0.02)


@contextmanager
def behind(servers: Servers) -> Iterator[None]:
    """The replicas replay nothing."""
    servers.one.pause()
    servers.other.pause()
    try:
        yield
    finally:
        servers.one.resume()
        servers.other.resume()
        caught_up(servers)


@pytest.fixture
def client(filled: Servers) -> Iterator[Client]:
    filled.primary.sql("DELETE FROM items WHERE id > 1")
    caught_up(filled)
    with Client(shop(filled), Settings(secret=SECRET)) as client:
        yield client


def of_replicas(servers: Servers) -> tuple[int, int]:
    return servers.one.port, servers.other.port


def test_a_client_sees_what_it_has_written(client: Client, filled: Servers) -> None:
    with behind(filled):
        added = client.post("/items", json={"id": 2, "name": "two"})
        assert added.json(Seen) == Seen(Item(2, "two"), filled.primary.port)
        again = client.get("/items/2").json(Seen)
        assert again == Seen(Item(2, "two"), filled.primary.port)
        token = client.cookies.pop(COOKIE)
        stranger = client.get("/items/2")
        assert stranger.json(Seen).item is None
        assert stranger.json(Seen).port in of_replicas(filled)
        assert COOKIE not in client.cookies
        client.cookies[COOKIE] = token
    end = time.monotonic() + 5
    while (seen := client.get("/items/2").json(Seen)).port == filled.primary.port:
        assert time.monotonic() < end
        assert seen.item == Item(2, "two")
    assert seen.item == Item(2, "two")
    assert seen.port in of_replicas(filled)


@pytest.mark.parametrize("way", ["execute", "fetch", "query", "task", "transaction"])
def test_every_way_to_write_counts(client: Client, filled: Servers, way: str) -> None:
    with behind(filled):
        assert client.post(f"/items/by/{way}", json={"id": 3, "name": way}).json(Seen) == Seen(
            Item(3, way), filled.primary.port
        )
        assert client.get("/items/3").json(Seen).item == Item(3, way)


def test_what_a_client_brings_for_two_writes_is_the_later(client: Client, filled: Servers) -> None:
    with behind(filled):
        client.post("/items", json={"id": 4, "name": "four"})
        first = client.cookies[COOKIE]
        client.post("/items", json={"id": 5, "name": "five"})
        assert client.cookies[COOKIE] != first
        assert client.get("/items/5").json(Seen).item == Item(5, "five")


@pytest.mark.parametrize(
    "text",
    ["", "x", "é", "A" * 80, "A" * 5000, Seal(b"another key", "seen").close(b"\x81\xa4main\xcf" + b"\x7f" * 8, b"")],
)
def test_what_is_no_text_of_ours_is_not_believed(client: Client, filled: Servers, text: str) -> None:
    client.cookies[COOKIE] = text
    assert client.get("/items/1").json(Seen).port in of_replicas(filled)


def test_what_is_kept_is_made_of_the_primarys_rows(client: Client, filled: Servers) -> None:
    with behind(filled):
        client.post("/items", json={"id": 6, "name": "six"})
        client.cookies.clear()
        assert client.get("/cached/6").json(Seen) == Seen(Item(6, "six"), filled.primary.port)
        stored = client.get("/cached/6")
        assert "hit" in stored.headers["cache-status"]
        assert stored.json(Seen).item == Item(6, "six")
        first, then = client.get("/remembered/1").json()
        assert first == filled.primary.port
        assert then in of_replicas(filled)


def test_what_a_batch_reads_is_what_its_callers_may(client: Client, filled: Servers) -> None:
    with behind(filled):
        client.post("/items", json={"id": 9, "name": "nine"})
        assert client.get("/names/9").json() == "nine"
        client.cookies.clear()
        assert client.get("/names/9").json() is None
        assert client.get("/kept-names/9").json() == "nine"


@given(st.lists(st.tuples(st.dictionaries(st.sampled_from("ab"), st.integers(0, 9)), st.booleans()), max_size=5))
def test_a_batch_needs_what_each_of_its_callers_needs(callers: list[tuple[dict[str, int], bool]]) -> None:
    def work() -> None:
        carry([(begin(positions) if positions else None, kept) for positions, kept in callers])
        request, kept = carried()
        assert request is not None
        for database in "ab":
            assert request.needs(database) == max((positions.get(database, 0) for positions, _ in callers), default=0)
        assert kept == any(kept for _, kept in callers)

    copy_context().run(work)


def test_an_answer_that_a_handler_keeps_is_left_as_it_is(client: Client) -> None:
    for _ in range(3):
        answer = client.post("/kept")
        assert (answer.status, answer.body) == (201, b"kept")
        assert [name for name, _ in answer.header_list].count("Set-Cookie") == 1
    assert KEPT.more_headers is None


def test_by_header(filled: Servers) -> None:
    app = shop(filled, policies=[ReadYourWrites(by="header")])
    with Client(app, Settings(secret=SECRET)) as client, behind(filled):
        added = client.post("/items", json={"id": 7, "name": "seven"})
        assert client.cookies == {}
        text = added.headers[HEADER.lower()]
        assert client.get("/items/7", headers={HEADER: text}).json(Seen).item == Item(7, "seven")
        assert client.get("/items/7").json(Seen).item is None
        described = client.get("/openapi.json").json()["paths"]["/items"]["post"]["responses"]["200"]["headers"]
        assert HEADER in described


def test_without_the_policy_nobody_is_told(filled: Servers) -> None:
    with Client(shop(filled, policies=[Off(ReadYourWrites)])) as client, behind(filled):
        added = client.post("/items", json={"id": 8, "name": "eight"})
        assert client.cookies == {}
        assert added.json(Seen).item is None


def test_the_policy_is_there_only_with_replicas(filled: Servers) -> None:
    app = App("plain")
    app.database(filled.primary.url)
    app.get("/")(lambda: None)
    assert [route.policies for route in app.routes] == [()]
    names = {type(policy).__name__ for policy in next(iter(shop(filled).routes)).policies}
    assert names == {"ReadYourWrites"}


def test_another_way_is_refused() -> None:
    with pytest.raises(RouteError, match="expected 'cookie' or 'header'"):
        ReadYourWrites(by="body")  # type: ignore[arg-type]


def test_metrics_tell_of_replicas(filled: Servers) -> None:
    serving = Serving("uvloop", shop(filled))
    with serving.connect() as client:
        for _ in range(4):
            assert client.send(get("/items/1")).answer().status == 200
    serving.compiled.decisions()
    shown = snapshot(serving.compiled.runtime.board)
    counts = databases(shown)["main"]
    assert counts["replicas"] == 2
    assert counts["replica_reads"] >= 4
    assert (counts["passed_on"], counts["ejected"], counts["switched"]) == (0, 0, 0)
    page = parse(render(shown, EXTRA, openmetrics=False))
    assert page["stanchion_database_replicas", frozenset({("database", "main")})] == 2
    assert page["stanchion_database_replica_reads_total", frozenset({("database", "main")})] == counts["replica_reads"]
    assert serving.stop() == []
