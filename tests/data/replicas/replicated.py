"""A database over real replicas, and a load on it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from stanchion.data.database import Database
from stanchion.data.options import DatabaseOptions, database_of
from tests.data.replicas.replica_servers import Servers

PORT = "SELECT inet_server_port()"
"""Which server has answered."""


@asynccontextmanager
async def opened(servers: Servers, **options: Any) -> AsyncIterator[Database]:
    """With an empty schema, which both replicas have replayed."""
    kept: dict[str, Any] = {"connections": 24, "patience": 3.0, **options}
    database = database_of("test", servers.primary.url, DatabaseOptions(replicas=servers.replica_urls, **kept))
    await database.open()
    try:
        await database.execute("DROP SCHEMA public CASCADE")
        await database.execute("CREATE SCHEMA public")
        await until(lambda: in_service(database, 2))
        yield database
    finally:
        await database.close()


def in_service(database: Database, replicas: int) -> bool:
    """Whether so many replicas are read from."""
    return database.statistics()["replicas"] == replicas


async def until(holds: Callable[[], bool], seconds: float = 10.0) -> float:
    """Wait until something holds; returns how long that took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, f"not after {seconds} s"
        await asyncio.sleep(0.01)
    return time.monotonic() - began


async def replayed(servers: Servers) -> None:
    """Wait until both replicas have what the primary has."""
    position = servers.primary.sql("SELECT pg_current_wal_lsn()")
    for replica in (servers.one, servers.other):
        for _ in range(500):
            if replica.sql(f"SELECT pg_last_wal_replay_lsn() >= '{position}'") == "t":
                break
            await asyncio.sleep(0.02)
        else:
            raise AssertionError(f"{replica.url} has not replayed {position}")


class Load:
    """Tasks that call `work` over and over while the block lasts; what they raise is kept in `errors`."""

    def __init__(self, work: Callable[[], Awaitable[None]], tasks: int = 8) -> None:
        self.done = 0
        self.errors: list[tuple[float, Exception]] = []
        self.slowest = 0.0
        self._work = work
        self._count = tasks
        self._ended = False

    async def __aenter__(self) -> "Load":
        self._tasks = [asyncio.create_task(self._run()) for _ in range(self._count)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ended = True
        async with asyncio.timeout(10):
            await asyncio.gather(*self._tasks)

    async def _run(self) -> None:
        while not self._ended:
            began = time.monotonic()
            try:
                await self._work()
                self.done += 1
            except Exception as error:
                self.errors.append((time.monotonic(), error))
            self.slowest = max(self.slowest, time.monotonic() - began)
            await asyncio.sleep(0.002)
