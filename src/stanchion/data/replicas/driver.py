"""The driver: writes to the primary, reads to the replicas. See `Driver`."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from functools import lru_cache
from typing import Any, TypeVar

from stanchion.cache.keeping import keeping
from stanchion.data.budget import Capacity
from stanchion.data.driver import Exported, Found, Insertion, Lookup, Rows, Statements
from stanchion.data.failures import DatabaseUnavailable
from stanchion.data.gathering import Gathering
from stanchion.data.postgres.driver import Postgres
from stanchion.data.replicas.lender import PrimaryLender
from stanchion.data.replicas.node import Node
from stanchion.data.replicas.reads import Refused, Replica
from stanchion.data.replicas.seen import seen
from stanchion.data.replicas.topology import Topology
from stanchion.errors import ConfigurationError

T = TypeVar("T")
CHECK_INTERVAL = 0.5
"""Seconds between the checks of a server, each of which is 0.2 ms of its time."""
_POSITION = "SELECT pg_current_wal_insert_lsn()"
"""`insert`, for with `synchronous_commit = off` a commit is answered before it is written."""
_FLAGS = re.VERBOSE | re.IGNORECASE | re.DOTALL
_READING = re.compile(r"(?: \s | \( | --[^\n]* | /\*.*?\*/ )*+ (?: SELECT | VALUES | TABLE | WITH ) \b", _FLAGS)
_MOST = 1000
"""Statements that begin as reads, and were found to write, which are remembered."""


class Replicated:
    """One primary and its replicas, as they stand; whoever is promoted is the primary from the next check on."""

    native = Postgres.native
    batches = Postgres.batches
    remote = True

    def __init__(self, name: str, nodes: Sequence[Node], *, max_lag: float) -> None:
        """`name` is the database's for those who have seen it; `max_lag` is in seconds."""
        self.topology = Topology(nodes, max_lag)
        self._name = name
        self._replicas = {node: Replica(node, self._primary) for node in nodes}
        self._writing: set[str] = set()
        self._watching: list[asyncio.Task[None]] = []
        self._positions: Gathering[None, int] = Gathering(self._ask_position, largest=100_000, in_flight=1)

    def __repr__(self) -> str:
        return f"<Replicated {self.topology!r}>"

    def statistics(self) -> dict[str, float]:
        """See `Driver`: connections of all servers; replicas that are read from, the greatest lag among them in
        seconds, times that one was taken out, and that another became primary; reads that replicas have answered, and
        that they passed on to the primary."""
        each = [node.driver.statistics() for node in self.topology.nodes]
        serving = self.topology.serving
        return {
            **{key: sum(own[key] for own in each) for key in ("connections", "in_use", "waiting")},
            "replicas": len(serving),
            "lag": max((node.lag for node in serving), default=0.0),
            "ejected": self.topology.ejected,
            "switched": self.topology.switched,
            "replica_reads": sum(replica.served for replica in self._replicas.values()),
            "passed_on": sum(replica.passed_on for replica in self._replicas.values()),
        }

    async def open(self, connections: int) -> None:
        """See `Driver`: so many to each server, for each may become the primary.

        Raises:
            ConfigurationError: a URL is none, there are too few connections, or the servers are of different clusters.
        """
        if connections < 2:
            raise ConfigurationError(
                "a worker's share is 1 connection, and with replicas one of them watches each server: "
                "give twice as many connections"
            )
        for node in self.topology.nodes:
            await node.open(connections)
        await asyncio.gather(*map(self.topology.check, self.topology.nodes))
        self.topology.refuse_what_cannot_be()
        self._watching = [asyncio.create_task(self._watch(node)) for node in self.topology.nodes]

    def resize(self, connections: int) -> None:
        """See `Driver`."""
        for node in self.topology.nodes:
            node.resize(connections)

    async def close(self) -> None:
        """See `Driver`."""
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        await asyncio.gather(*(node.close() for node in self.topology.nodes))

    async def capacity(self) -> Capacity | None:
        """See `Driver`: the primary's, which those of its replicas cannot be below (PostgreSQL: hot standby)."""
        with suppress(DatabaseUnavailable):
            return await self._primary().capacity()
        return None

    async def check(self) -> None:
        """See `Driver`: ask the primary."""
        await self._primary().check()

    def place(self) -> Replica | None:
        """See `Driver`: the primary where what is read is kept, see `cache.keeping`."""
        if keeping.get():
            return None
        request = seen()
        node = self.topology.choose(0 if request is None else request.needs(self._name))
        return None if node is None else self._replicas[node]

    def writes(self) -> None:
        """See `Driver`."""
        request = seen()
        if request is not None:
            request.wrote(self._name, self.position)

    async def position(self) -> int:
        """A position behind all that was committed before the call; one statement for all calls of a moment."""
        return await self._positions.call(None)

    async def fetch(self, statement: str, values: Sequence[Any], *, first: bool = False) -> Rows:
        """See `Statements`: one that begins as a query goes to a replica, unless one has found that it writes."""
        replica = self.place() if self._reads(statement) else None
        if replica is not None:
            try:
                return await replica.answer(lambda driver: driver.fetch(statement, values, first=first))
            except Refused:
                self._remember(statement)
        return await self._to_write(statement).fetch(statement, values, first=first)

    async def execute(self, statement: str, values: Sequence[Any]) -> int:
        """See `Statements`."""
        self.writes()
        return await self._primary().execute(statement, values)

    async def stream(self, statement: str, values: Sequence[Any]) -> AsyncGenerator[Rows, None]:
        """See `Statements`."""
        replica = self.place() if self._reads(statement) else None
        if replica is not None:
            try:
                async with aclosing(replica.stream(statement, values)) as parts:
                    async for part in parts:
                        yield part
                return
            except Refused:
                self._remember(statement)
        async with aclosing(self._to_write(statement).stream(statement, values)) as parts:
            async for part in parts:
                yield part

    async def look_up(self, lookup: Lookup, keys: Sequence[Any]) -> Found:
        """See `Driver`."""
        return await self._read(lookup.place, lambda driver: driver.look_up(lookup, keys))

    async def insert(self, rows: Sequence[Insertion]) -> Sequence[Rows | Exception]:
        """See `Driver`."""
        return await self._primary().insert(rows)

    async def export(self, table: str, path: str, most: int) -> Exported:
        """See `Driver`."""
        return await self._read(self.place(), lambda driver: driver.export(table, path, most))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Statements]:
        """See `Driver`: on the primary, whatever its statements are."""
        self.writes()
        async with self._primary().transaction() as statements:
            yield statements

    def lender(self) -> PrimaryLender:
        """See `Driver`: the primary's."""
        return PrimaryLender(lambda: self._primary().lender(), self.writes)

    def _primary(self) -> Postgres:
        return self.topology.primary.driver

    async def _read(self, replica: Replica | None, ask: Callable[[Postgres], Awaitable[T]]) -> T:
        if replica is not None:
            with suppress(Refused):  # a view's rows, which calls what writes
                return await replica.answer(ask)
        return await ask(self._primary())

    def _reads(self, statement: str) -> bool:
        return begins_as_query(statement) and statement not in self._writing

    def _remember(self, statement: str) -> None:
        if len(self._writing) < _MOST:
            self._writing.add(statement)

    def _to_write(self, statement: str) -> Postgres:
        if not self._reads(statement):
            self.writes()
        return self._primary()

    async def _ask_position(self, calls: Sequence[None]) -> Sequence[int]:
        position: int = (await self._primary().fetch(_POSITION, ())).rows[0][0]
        return [position] * len(calls)

    async def _watch(self, node: Node) -> None:
        while True:
            await asyncio.sleep(CHECK_INTERVAL)
            await self.topology.check(node)


@lru_cache(maxsize=4096)
def begins_as_query(statement: str) -> bool:
    """Whether a replica may be asked: if it does write after all, the replica says so."""
    return _READING.match(statement) is not None
