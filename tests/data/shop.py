"""A served app with a database, what its clients ask, and how soon it is back after a fault."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from stanchion import App
from tests.wire.client import Client, get
from tests.wire.reader import Answer
from tests.wire.serving import Serving


class Item(Struct):
    id: int
    name: str


def shop(url: str, **options: Any) -> App:
    """One worker has two of its four connections: the others are its successor's, at a reload."""
    app = App("shop", timeout=1.0)
    database = app.database(url, connections=4, **options)

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


def problem(answer: Answer) -> tuple[int, str]:
    return answer.status, json.loads(answer.body)["code"]


def asked(client: Client, path: str) -> Answer:
    return client.send(get(path)).answer()


def asked_at_once(served: Serving, path: str, number: int) -> list[tuple[Answer, float]]:
    """The answers to so many requests, and the seconds until each."""
    clients = [served.connect() for _ in range(number)]
    began = time.monotonic()
    for client in clients:
        client.send(get(path))
    return [(client.answer(), time.monotonic() - began) for client in clients]


def on_server(url: str, statement: str) -> Any:
    """The value that a statement gives to somebody else."""

    async def ask() -> Any:
        import asyncpg

        connection = await asyncpg.connect(url, timeout=5)
        try:
            return await connection.fetchval(statement, timeout=5)
        finally:
            await connection.close(timeout=5)

    return asyncio.run(ask())


def comes_true(what: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"not so after {seconds} s"
        time.sleep(0.05)


def plain_within(served: Serving, seconds: float) -> None:
    """The route without the database answers, of fifty times in a row 45 within `seconds`: the machine has pauses."""
    taken = []
    with served.connect() as client:
        for _ in range(50):
            began = time.monotonic()
            assert asked(client, "/plain").status == 200
            taken.append(time.monotonic() - began)
    assert sorted(taken)[44] < seconds


def recovered_within(served: Serving, seconds: float) -> None:
    end = time.monotonic() + seconds
    with served.connect() as client:
        while asked(client, "/items/1").status != 200:
            assert time.monotonic() < end, f"not back after {seconds} s"
            time.sleep(0.02)
