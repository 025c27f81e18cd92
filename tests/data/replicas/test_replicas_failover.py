"""A primary that dies or hangs under load, and a replica promoted: who waits, who fails, what has become of writes.

A commit is acknowledged once one replica has it (`synchronous_standby_names`): without that a primary may take with it
what it has acknowledged.
"""

import asyncio
import time
from collections.abc import Iterator
from itertools import count

import pytest
from msgspec import Struct

from stanchion.data.database import Database
from stanchion.data.driver import FAILURES
from stanchion.data.failures import DatabaseUnavailable
from stanchion.data.replicas.seen import begin
from tests.data.conftest import run
from tests.data.postgres_server import needs_postgres
from tests.data.replicas.replica_servers import Server, Servers
from tests.data.replicas.replicated import PORT, Load, in_service, opened, until

pytestmark = needs_postgres
OUTAGE = 1.0
"""Seconds between the primary's end and the promotion of a replica."""
SETTLED = 1.5
"""Seconds from the first write after the promotion until no call fails any more."""
PATIENCE = 3.0
FIRST = 0
"""What is there before the load."""


class Write(Struct):
    id: int
    note: str


@pytest.fixture
def durable() -> Iterator[Servers]:
    """Servers that a test may leave in any state; a commit waits for one of the replicas."""
    servers = Servers()
    try:
        guarded(servers.primary)
        yield servers
    finally:
        servers.close()


def guarded(server: Server) -> None:
    server.set("synchronous_standby_names", "ANY 1 (*)")


def fail_over(servers: Servers) -> Server:
    """Promote the replica that has the most, and have the other one follow it."""
    ahead, behind = sorted((servers.one, servers.other), key=Server.received, reverse=True)
    behind.follow(ahead)
    ahead.promote()
    guarded(ahead)
    return ahead


class Ledger:
    """Writes of each kind, and what was acknowledged."""

    def __init__(self, database: Database) -> None:
        self.acknowledged: set[int] = set()
        self.tried = {FIRST}
        self.last = 0.0
        """When the last one was acknowledged."""
        self._database = database
        self._ids = count(1)

    async def write(self) -> None:
        row = Write(next(self._ids), "written")
        self.tried.add(row.id)
        if row.id % 3 == 0:
            async with self._database.transaction() as transaction:
                await transaction.execute("INSERT INTO writes VALUES ($1, $2)", row.id, row.note)
        elif row.id % 3 == 1:
            await self._database.execute("INSERT INTO writes VALUES ($1, $2)", row.id, row.note)
        else:
            await self._database.insert(row)
        self.acknowledged.add(row.id)
        self.last = time.monotonic()

    async def goes_on_after(self, promoted: float) -> None:
        """Wait until a write is acknowledged that was so after the promotion."""
        await until(lambda: self.last > promoted)

    def check(self, primary: Server) -> None:
        """Against what the primary has."""
        found = {int(line) for line in primary.sql("SELECT id FROM writes").split()}
        assert self.acknowledged - found == set()
        assert found - self.tried == set()
        assert len(self.acknowledged) > 100


async def read(database: Database) -> None:
    assert (await database.get(Write, FIRST)).note == "first"
    assert await database.one(int, "SELECT count(*) FROM writes WHERE id = $1", FIRST) == 1


async def prepared(database: Database) -> Ledger:
    await database.execute("CREATE TABLE writes (id int PRIMARY KEY, note text NOT NULL)")
    await database.insert(Write(FIRST, "first"))
    await until(lambda: in_service(database, 2))
    await asyncio.sleep(0.5)
    return Ledger(database)


def check_errors(load: Load, until: float, longest: float) -> None:
    undeclared = [error for _, error in load.errors if not isinstance(error, FAILURES)]
    assert undeclared == []
    late = [error for when, error in load.errors if when > until]
    assert late == []
    assert load.slowest < longest


def test_a_primary_that_dies(durable: Servers) -> None:
    async def work() -> None:
        async with opened(durable, patience=PATIENCE) as database:
            ledger = await prepared(database)
            async with Load(ledger.write, 6) as writing, Load(lambda: read(database), 4) as reading:
                await asyncio.sleep(0.7)
                await asyncio.to_thread(durable.primary.kill)
                await asyncio.sleep(OUTAGE)
                primary = await asyncio.to_thread(fail_over, durable)
                promoted = time.monotonic()
                await ledger.goes_on_after(promoted)
                settled = time.monotonic() + SETTLED
                await asyncio.sleep(2 * SETTLED)
                await until(lambda: in_service(database, 1))
            assert writing.errors
            check_errors(writing, settled, PATIENCE + 4)
            assert reading.errors == []
            assert reading.slowest < PATIENCE + 1
            assert database.statistics()["switched"] == 1
            ledger.check(primary)
            await check_an_old_primary_that_comes_back(database, durable, primary)

    run(work)


async def check_an_old_primary_that_comes_back(database: Database, servers: Servers, primary: Server) -> None:
    """It takes writes, but nobody asks it to."""
    await asyncio.to_thread(servers.primary.start)
    servers.primary.sql("SET synchronous_commit = local; INSERT INTO writes VALUES (-1, 'nobody replicates this')")
    for _ in range(30):
        async with database.transaction() as transaction:
            assert await transaction.one(int, PORT) == primary.port
        assert await database.one(int, "SELECT count(*) FROM writes WHERE id = -1") == 0
        await asyncio.sleep(0.05)
    assert database.statistics()["switched"] == 1


def test_a_primary_that_hangs_and_wakes_up_when_it_is_none_any_more(durable: Servers) -> None:
    async def work() -> None:
        async with opened(durable, patience=20.0) as database:
            ledger = await prepared(database)
            async with Load(ledger.write, 40) as writing, Load(lambda: read(database), 4) as reading:
                await asyncio.sleep(0.7)
                durable.primary.freeze()
                try:
                    await asyncio.sleep(OUTAGE)
                    primary = await asyncio.to_thread(fail_over, durable)
                    promoted = time.monotonic()
                    await ledger.goes_on_after(promoted)
                    settled = time.monotonic() + SETTLED
                    await asyncio.sleep(2 * SETTLED)
                finally:
                    durable.primary.thaw()
                await asyncio.sleep(1.0)
            check_errors(writing, settled, 10.0)  # half the patience
            assert reading.errors == []
            ledger.check(primary)

    run(work)


def test_a_request_that_has_written_fails_rather_than_reads_less(durable: Servers) -> None:
    async def work() -> None:
        async with opened(durable, patience=PATIENCE) as database:
            await prepared(database)
            seen = begin()
            await database.insert(Write(1, "mine"))
            await asyncio.to_thread(durable.primary.kill)
            with pytest.raises(DatabaseUnavailable):
                await database.get(Write, 1)
            with pytest.raises(DatabaseUnavailable):
                await seen.positions()
            begin()
            assert (await database.get(Write, FIRST)).note == "first"

    run(work)


def test_a_switch_over_and_back(durable: Servers) -> None:
    async def work() -> None:
        async with opened(durable, patience=PATIENCE) as database:
            ledger = await prepared(database)
            async with Load(ledger.write, 6) as writing, Load(lambda: read(database), 4) as reading:
                await asyncio.sleep(0.5)
                for primary, replica in ((durable.primary, durable.one), (durable.one, durable.primary)):
                    await asyncio.to_thread(switch, primary, replica, durable.other)
                    promoted = time.monotonic()
                    await ledger.goes_on_after(promoted)
                    await until(lambda: in_service(database, 2))
            check_errors(writing, time.monotonic(), PATIENCE + 4)
            assert reading.errors == []
            assert database.statistics()["switched"] == 2
            assert f"primary 127.0.0.1:{durable.primary.port}" in repr(database)
            ledger.check(durable.primary)

    run(work)


def switch(primary: Server, replica: Server, other: Server) -> None:
    """Have them change places, and the other one follow."""
    primary.shut_down()
    other.follow(replica)
    replica.promote()
    primary.return_to(replica)
