"""What is cached of a database, in all workers of a machine, while rows change: nobody reads what was replaced."""

import json
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.cluster.client import Client
from tests.cluster.conftest import Connect, Serve, connect, serve
from tests.cluster.running import Server, until
from tests.data.postgres_server import PostgresServer, needs_postgres

__all__ = ["connect", "serve"]

APP = '''"""Counters, whose values only grow, read through caches of every kind."""

import asyncio
import os

from msgspec import Struct

from stanchion import App, Cache, cached

app = App("counters", timeout=10)
db = app.database(os.environ["TEST_DATABASE"], connections=12)


class Counter(Struct):
    id: int
    value: int = 0


class Reads:
    """How often this worker has asked the database."""

    count = 0


@cached(ttl=3600, tags=db.tags(Counter, "{id}"))
async def counter(id: int) -> Counter | None:
    Reads.count += 1
    return await db.find(Counter, id)


@cached(ttl=3600, tags=db.tags(Counter), tiers=["memory", "machine"])
async def total() -> int:
    Reads.count += 1
    return await db.one(int, "SELECT coalesce(sum(value), 0) FROM counters")


@app.get("/function/{id}")
async def function(id: int) -> int:
    found = await counter(id)
    return -1 if found is None else found.value


@app.get("/route/{id}", cache=Cache(ttl=3600, tags=db.tags(Counter, "{id}"), tiers=["memory", "machine"]))
async def route(id: int) -> int:
    Reads.count += 1
    found = await db.find(Counter, id)
    return -1 if found is None else found.value


@app.get("/total")
async def sum_of_all() -> int:
    return await total()


@app.get("/reads")
async def reads() -> list[int]:
    return [os.getpid(), Reads.count]


@app.get("/new/{id}")
async def new(id: int) -> int:
    return (await db.insert(Counter(id))).value


@app.get("/execute/{id}")
async def execute(id: int) -> int:
    await db.execute("UPDATE counters SET value = value + 1 WHERE id = $1", id)
    return 1


@app.get("/returning/{id}")
async def returning(id: int) -> int:
    return await db.one(int, "UPDATE counters SET value = value + 1 WHERE id = $1 RETURNING value", id)


@app.get("/transaction/{id}")
async def transaction(id: int) -> int:
    async with db.transaction() as tx:
        value = await tx.one(int, "SELECT value FROM counters WHERE id = $1", id)
        await tx.execute("UPDATE counters SET value = $2 WHERE id = $1", id, value + 1)
        await asyncio.sleep(0.002)
    return value + 1


@app.get("/killed/{id}")
async def killed(id: int) -> int:
    async def end(*tags):
        os.kill(os.getpid(), 9)

    db.telling.to = end
    return await db.execute("UPDATE counters SET value = value + 1 WHERE id = $1", id)


@app.get("/all")
async def all_of_them() -> int:
    return await db.execute("UPDATE counters SET value = value + 1")
'''
TABLE = "CREATE TABLE counters (id integer PRIMARY KEY, value integer NOT NULL)"
WRITES = ("execute", "returning", "transaction", "all")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=needs_postgres)])
def server(request: pytest.FixtureRequest, serve: Serve, tmp_path: Path) -> Server:
    """Two workers on a database of each kind."""
    (tmp_path / "app.py").write_text(APP)
    url = f"sqlite:///{tmp_path / 'counters.db'}"
    if request.param == "postgresql":
        postgres: PostgresServer = request.getfixturevalue("postgres")
        url = postgres.url
        postgres.run("psql", "-q", "-c", f"DROP TABLE IF EXISTS counters; {TABLE}", url)
    else:
        with closing(sqlite3.connect(tmp_path / "counters.db")) as connection:
            connection.execute(TABLE)
    started = serve("--workers", "2", environ={"TEST_DATABASE": url})
    started.full()
    return started


def of_each_worker(server: Server, connect: Connect) -> list[Client]:
    """Connections to both."""
    clients = connect(server.port, 16)
    by_worker = {reads(client)[0]: client for client in clients}
    assert len(by_worker) == 2
    return list(by_worker.values())


def asked(client: Client, path: str) -> int:
    status, body = client.get(path)
    assert status == 200, body
    return int(body)


def reads(client: Client) -> tuple[int, int]:
    """The worker's pid, and how often it has asked the database."""
    pid, count = json.loads(client.get("/reads")[1])
    return pid, count


def test_a_read_after_a_write_has_seen_it_on_any_worker(server: Server, connect: Connect) -> None:
    one, other = of_each_worker(server, connect)
    assert asked(one, "/function/1") == asked(other, "/route/1") == -1
    asked(one, "/new/1")
    for expected, write in enumerate(WRITES * 5, 1):
        for client in (one, other, one):
            for read in ("/function/1", "/route/1", "/total"):
                assert asked(client, read) == expected - 1
        asked(other if expected % 2 else one, f"/{write}/1" if write != "all" else "/all")
    most = 6 * (5 * len(WRITES) + 1)  # of nine reads a round
    assert sum(reads(client)[1] for client in (one, other)) < most


def test_a_write_to_one_row_leaves_the_others_entries(server: Server, connect: Connect) -> None:
    one, other = of_each_worker(server, connect)
    for number in (1, 2):
        asked(one, f"/new/{number}")
        asked(one, f"/function/{number}")
    before = reads(one)[1]
    asked(other, "/execute/2")
    assert (asked(one, "/function/1"), reads(one)[1]) == (0, before)
    assert (asked(one, "/function/2"), reads(one)[1]) == (1, before + 1)
    asked(other, "/all")
    assert (asked(one, "/function/1"), asked(one, "/function/2")) == (1, 2)


def test_a_worker_that_is_killed_with_its_write_untold_is_made_up_for(server: Server, connect: Connect) -> None:
    one, other = of_each_worker(server, connect)
    asked(one, "/new/1")
    assert [asked(client, "/function/1") for client in (one, other)] == [0, 0]
    with pytest.raises(EOFError):
        one.get("/killed/1")
    until(lambda: asked(other, "/function/1") == 1)
    assert asked(connect(server.port)[0], "/total") == 1


def test_nobody_reads_an_old_value_while_many_write(server: Server, connect: Connect) -> None:
    """Each reader notes what was acknowledged before it asks, and must get no less."""
    workers = of_each_worker(server, connect)
    asked(workers[0], "/new/1")
    acknowledged, done, old = [0], threading.Event(), []
    lock = threading.Lock()

    def write(client: Client) -> None:
        try:
            for turn in range(60):
                write = WRITES[turn % len(WRITES)]
                asked(client, f"/{write}/1" if write != "all" else "/all")
                with lock:
                    acknowledged[0] += 1
        finally:
            done.set()

    def read(client: Client, path: str) -> int:
        count = 0
        while not done.is_set():
            least = acknowledged[0]
            found = asked(client, path)
            count += 1
            if found < least:
                old.append((path, least, found))
        return count

    paths = ["/function/1", "/route/1", "/total"]
    readers = connect(server.port, 12)
    with ThreadPoolExecutor(len(readers) + 1) as pool:
        writing = pool.submit(write, workers[1])
        counts = [pool.submit(read, client, paths[place % 3]) for place, client in enumerate(readers)]
        writing.result(60)
        assert sum(count.result(60) for count in counts) > 100
    assert old == []
    assert all(asked(client, path) == 60 for client in readers for path in paths)
