"""Reads and writes over a real primary and two replicas: who answers, and what if one is late, dead or back."""

import asyncio
import itertools
import time
from collections import Counter
from pathlib import Path

import pytest
from msgspec import Struct

from stanchion.data.database import Database
from stanchion.data.options import DatabaseOptions, database_of
from stanchion.data.replicas.driver import CHECK_INTERVAL, begins_as_query
from stanchion.data.replicas.node import CHECK_TIMEOUT
from stanchion.data.replicas.seen import begin
from stanchion.errors import ConfigurationError
from tests.data.conftest import run
from tests.data.postgres_server import PostgresServer, needs_postgres
from tests.data.replicas.replica_servers import Servers
from tests.data.replicas.replicated import PORT, Load, in_service, opened, replayed, until

pytestmark = needs_postgres
EJECTED_WITHIN = CHECK_INTERVAL + CHECK_TIMEOUT + 4.0
"""Seconds; the machine may have pauses."""


class Item(Struct):
    id: int
    name: str


async def with_items(database: Database, servers: Servers) -> None:
    await database.execute("CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL)")
    await database.execute("INSERT INTO items SELECT n, 'item ' || n FROM generate_series(1, 100) AS n")
    await replayed(servers)


async def ports(database: Database, times: int = 60) -> Counter[int | None]:
    return Counter([await database.one(int, PORT) for _ in range(times)])


def test_replicas_read_and_the_primary_writes(servers: Servers, tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(servers) as database:
            await with_items(database, servers)
            assert set(await ports(database)) == {servers.one.port, servers.other.port}
            async with database.transaction() as transaction:
                assert await transaction.one(int, PORT) == servers.primary.port
            before = database.statistics()["replica_reads"]
            items = await asyncio.gather(*(database.get(Item, id) for id in range(1, 101)))
            assert [item.id for item in items] == list(range(1, 101))
            streamed = [item.id async for item in database.stream(Item, "SELECT * FROM items ORDER BY id")]
            assert streamed == list(range(1, 101))
            assert 2 <= database.statistics()["replica_reads"] - before <= 4  # a batch or two, and a stream
            assert await database.insert(Item(101, "new")) == Item(101, "new")
            await replayed(servers)
            assert "2 of 3 servers read from" in repr(database)
            before = database.statistics()["replica_reads"]
            exported = await database.export("items", str(tmp_path / "items.csv"), 1000)
            assert exported.rows == 101
            assert database.statistics()["replica_reads"] == before + 1

    run(work)


def test_a_fresh_read_is_the_primarys(servers: Servers) -> None:
    async def work() -> None:
        async with opened(servers, max_lag=60) as database:
            await with_items(database, servers)
            for replica in (servers.one, servers.other):
                replica.pause()
            try:
                await database.insert(Item(200, "new"))
                assert await database.find(Item, 200) is None  # outside of a request nobody knows of the write
                before = database.statistics()["replica_reads"]
                assert await database.get(Item, 200, fresh=True) == Item(200, "new")
                assert await database.get(Item, 200, fresh=True, alone=True) == Item(200, "new")
                assert await database.find(Item, 201, fresh=True) is None
                assert await database.get_many(Item, [200, 1], fresh=True) == [Item(200, "new"), Item(1, "item 1")]
                assert database.statistics()["replica_reads"] == before
            finally:
                for replica in (servers.one, servers.other):
                    replica.resume()

    run(work)


def test_a_query_that_writes_is_found_out_by_the_replica(servers: Servers) -> None:
    async def work() -> None:
        async with opened(servers) as database:
            await with_items(database, servers)
            await database.execute("CREATE SEQUENCE numbers")
            await replayed(servers)
            for expected in (1, 2):
                assert await database.one(int, "SELECT nextval('numbers')") == expected
                held = await database.one(Item, "SELECT * FROM items WHERE id = $1 FOR UPDATE", 7)
                assert held == Item(7, "item 7")
                new = "WITH new AS (INSERT INTO items VALUES ($1, 'new') RETURNING *) SELECT * FROM new"
                assert await database.one(Item, new, 200 + expected) == Item(200 + expected, "new")
                gone = [
                    row async for row in database.stream(int, "DELETE FROM items WHERE id = $1 RETURNING id", expected)
                ]
                assert gone == [expected]

    run(work)


def test_a_view_that_writes_is_the_primarys(servers: Servers) -> None:
    class Counted(Struct):
        id: int
        number: int

    async def work() -> None:
        async with opened(servers) as database:
            await with_items(database, servers)
            await database.execute("CREATE SEQUENCE numbers")
            await database.execute("CREATE VIEW counteds AS SELECT id, nextval('numbers') AS number FROM items")
            await replayed(servers)
            assert await database.get(Counted, 7) == Counted(7, 1)
            assert await database.get(Counted, 7) == Counted(7, 2)

    run(work)


def test_a_query_that_is_in_the_way_of_the_log_is_the_primarys(servers: Servers) -> None:
    async def work() -> None:
        async with opened(servers, patience=20.0) as database:
            await with_items(database, servers)
            patient(servers, "100ms")
            try:
                asked = asyncio.create_task(database.one(int, "SELECT count(*) FROM items, pg_sleep(3)"))
                await asyncio.sleep(0.3)
                servers.primary.sql("DELETE FROM items WHERE id > 50")
                servers.primary.sql("VACUUM items")
                assert await asked == 50  # it was asked anew
            finally:
                patient(servers, "30s")
            assert database.statistics()["passed_on"] == 1
            assert in_service(database, 2)

    run(work)


def patient(servers: Servers, time: str) -> None:
    """How long replicas wait with what is in the way of a query."""
    for replica in (servers.one, servers.other):
        replica.set("max_standby_streaming_delay", time)


def test_one_that_is_late_is_left_out_until_it_is_not(servers: Servers) -> None:
    max_lag = 1.0
    ages: list[float] = []

    async def work() -> None:
        async with opened(servers, max_lag=max_lag) as database:
            await database.execute("CREATE TABLE clock (id int PRIMARY KEY, tick float8)")
            await database.execute("INSERT INTO clock VALUES (1, $1)", time.monotonic())
            await replayed(servers)

            async def write() -> None:
                await database.execute("UPDATE clock SET tick = $1", time.monotonic())

            async def read() -> None:
                began = time.monotonic()
                tick = await database.one(float, "SELECT tick FROM clock")
                assert tick is not None
                ages.append(began - tick)

            async with Load(write, 1) as writing, Load(read, 4) as reading:
                servers.one.pause()
                try:
                    await until(lambda: in_service(database, 1), max_lag + EJECTED_WITHIN)
                    assert set(await ports(database)) == {servers.other.port}
                finally:
                    servers.one.resume()
                await until(lambda: in_service(database, 2))
            assert writing.errors == reading.errors == []
            assert max_lag / 2 < max(ages) < max_lag + 2 * CHECK_INTERVAL + 4

    run(work)


def test_a_replica_that_dies_fails_no_read_and_comes_back(servers: Servers) -> None:
    async def work() -> None:
        async with opened(servers) as database:
            await with_items(database, servers)

            async def read() -> None:
                assert (await database.get(Item, 7)).name == "item 7"
                assert await database.one(int, "SELECT count(*) FROM items") == 100

            async with Load(read) as reading:
                await asyncio.sleep(0.2)
                await asyncio.to_thread(servers.one.kill)
                try:
                    await until(lambda: in_service(database, 1), EJECTED_WITHIN)
                    assert set(await ports(database)) == {servers.other.port}
                finally:
                    await asyncio.to_thread(servers.one.start)
                await until(lambda: in_service(database, 2))
                assert set(await ports(database, 200)) == {servers.one.port, servers.other.port}
            assert reading.errors == []
            assert reading.done > 100

    run(work)


def test_a_replica_that_hangs_keeps_nobody_for_long(servers: Servers) -> None:
    async def work() -> None:
        async with opened(servers, patience=30.0) as database:
            await with_items(database, servers)

            async def read() -> None:
                assert (await database.get(Item, 7)).name == "item 7"

            async with Load(read) as reading:
                await asyncio.sleep(0.2)
                servers.one.freeze()
                try:
                    await until(lambda: in_service(database, 1), EJECTED_WITHIN)
                    await asyncio.sleep(CHECK_INTERVAL + CHECK_TIMEOUT + 0.2)
                finally:
                    servers.one.thaw()
                await until(lambda: in_service(database, 2))
            assert reading.errors == []
            assert reading.slowest < 2 * (CHECK_INTERVAL + CHECK_TIMEOUT) + 4

    run(work)


def test_without_replicas_the_primary_reads(servers: Servers) -> None:
    async def work() -> None:
        async with opened(servers) as database:
            await with_items(database, servers)
            servers.one.kill()
            servers.other.kill()
            try:
                assert (await database.get(Item, 7)).name == "item 7"
                await until(lambda: in_service(database, 0), EJECTED_WITHIN)
                assert set(await ports(database, 5)) == {servers.primary.port}
            finally:
                servers.one.start()
                servers.other.start()
            await until(lambda: in_service(database, 2))

    run(work)


def test_one_that_was_down_at_the_start_is_taken_in(servers: Servers) -> None:
    async def work() -> None:
        servers.one.kill()
        database = database_of("test", servers.primary.url, DatabaseOptions(replicas=servers.replica_urls))
        try:
            await database.open()
            assert in_service(database, 1)
        finally:
            servers.one.start()
        try:
            await until(lambda: in_service(database, 2))
        finally:
            await database.close()

    run(work)


def test_servers_of_different_clusters_are_refused(servers: Servers, postgres: PostgresServer) -> None:
    async def work() -> None:
        database = database_of("test", servers.primary.url, DatabaseOptions(replicas=[postgres.url]))
        try:
            with pytest.raises(ConfigurationError, match="are of different clusters"):
                await database.open()
        finally:
            await database.close()

    run(work)


@pytest.mark.parametrize(
    ("statement", "query"),
    [
        ("select 1", True),
        ("\n  ( SELECT 1) UNION (SELECT 2)", True),
        ("/* who -- asks */ -- and why\nWITH one AS (SELECT 1) TABLE one", True),
        ("values (1)", True),
        ("selected", False),
        ("-- SELECT\nINSERT INTO items VALUES (1)", False),
        ("UPDATE items SET name = 'SELECT' RETURNING *", False),
        ("/* a */ INSERT INTO items VALUES (1) /* b */ SELECT", False),
        ("", False),
    ],
)
def test_what_begins_as_a_query(statement: str, query: bool) -> None:
    assert begins_as_query(statement) == query


@pytest.mark.parametrize(
    ("url", "options", "words"),
    [
        ("sqlite:///a.db", DatabaseOptions(replicas=["sqlite:///b.db"]), "replicas are a list of URLs of PostgreSQL"),
        ("postgresql://a/b", DatabaseOptions(replicas=["postgresql://a/b"]), "each there once"),
    ],
)
def test_what_can_be_no_replica_is_refused(url: str, options: DatabaseOptions, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        database_of("test", url, options)


def test_a_share_of_one_connection_is_too_little(servers: Servers) -> None:
    async def work() -> None:
        database = database_of(
            "test", servers.primary.url, DatabaseOptions(replicas=servers.replica_urls, connections=2)
        )
        with pytest.raises(ConfigurationError, match="one of them watches each server"):
            await database.open()
        await database.close()

    run(work)


def test_clients_see_their_writes_however_late_a_replica_is(servers: Servers) -> None:
    ids = itertools.count(1000)

    async def work() -> None:
        async with opened(servers) as database:
            await with_items(database, servers)

            async def client() -> None:
                written = begin()
                item = await database.insert(Item(next(ids), "mine"))
                brought = await written.positions()
                for pause in (0.0, 0.3, 0.8):
                    await asyncio.sleep(pause)
                    begin(brought)
                    assert await database.get(Item, item.id) == item
                    assert await database.one(int, "SELECT count(*) FROM items WHERE id = $1", item.id) == 1

            servers.one.set("recovery_min_apply_delay", "400ms")
            try:
                async with Load(client, 16) as clients:
                    await asyncio.sleep(3)
            finally:
                servers.one.set("recovery_min_apply_delay", "0")
            assert clients.errors == []
            assert clients.done >= 16
            assert database.statistics()["replica_reads"] > clients.done  # it was not the primary that did it all

    run(work)
