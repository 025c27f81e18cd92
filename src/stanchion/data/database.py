"""What a handler reads and writes with: `db = app.database("sqlite:///flights.db")`.

airport = await db.get(Airport, iata)                                   # gathered with the others of its loop tick
flights = await db.all(Flight, "SELECT * FROM flights WHERE dest = $1", iata)
booking = await db.insert(Booking(flight=7, name="Ada"))                # shares a commit with the others of its tick
async with db.transaction() as tx:
    await tx.execute("UPDATE seats SET free = free - 1 WHERE flight = $1", 7)
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from uuid import UUID

from stanchion.data.budget import Fleet, check, leftover, share
from stanchion.data.driver import FAILURES, Driver, Exported, Insertion, Rows, Statements
from stanchion.data.gathering import Gathering, Keyed
from stanchion.data.pages import PageRead
from stanchion.data.rows import copier, reader
from stanchion.data.statements.asking import asking
from stanchion.data.statements.recorded import Recorded
from stanchion.data.statements.recorder import Entry, Recorder
from stanchion.data.tables import Table, Tables
from stanchion.data.tags import TableTags
from stanchion.data.telling import Collecting, Telling, Writes
from stanchion.errors import ConfigurationError, NotFound
from stanchion.http.pages import Page, PageQuery

if TYPE_CHECKING:
    from stanchion.data.sqlalchemy.sessions import Sessions

T = TypeVar("T")
_GATHERED = frozenset((int, str, bytes, bool, UUID, date))
"""Types of keys whose values are equal only if any database takes them for the same. 1 and 1.0 are not where a key is
text, nor 0.0 and -0.0: so a gathering has keys of one type, and those of other types go alone."""


class Reading:
    """Statements whose rows become values. `kind` is a Struct, by the names of its fields, or a type for one column."""

    def __init__(self, statements: Statements, native: frozenset[type], writes: Writes) -> None:
        self._statements = statements
        self._native = native
        self._writes = writes

    async def one(self, kind: type[T], statement: str, *values: Any) -> T | None:
        """The first row, or None where there is none."""
        fetched = self._statements.fetch(statement, values, first=True)
        found = self._made(kind, await self._writes.around(statement, values, fetched))
        return found[0] if found else None

    async def all(self, kind: type[T], statement: str, *values: Any) -> list[T]:
        """All rows."""
        fetched = self._statements.fetch(statement, values)
        return self._made(kind, await self._writes.around(statement, values, fetched))

    async def stream(self, kind: type[T], statement: str, *values: Any) -> AsyncIterator[T]:
        """The rows as they come, for more than fit into memory, of a query that changes nothing. It holds a connection
        until its end."""
        async for part in self._statements.stream(statement, values):
            for row in self._made(kind, part):
                yield row

    async def page(
        self, kind: type[T], query: PageQuery, statement: str, *values: Any, order: Sequence[str]
    ) -> Page[T]:
        """The page of a statement's rows that `query` asks for, by an order that tells one row from any other, such as
        `("date", "-delay nulls last", "id")`. The statement itself has neither order nor limit; see `keyset`.

        Raises:
            InvalidCursor: the cursor is of another query (400).
            ConfigurationError: there can be no such order.
        """
        read = PageRead(kind, query, statement, values, order)
        found = await self._statements.fetch(read.statement, read.values)
        return read.page(found, lambda rows: self._made(kind, rows))

    async def execute(self, statement: str, *values: Any) -> int:
        """Run a statement; returns how many rows it has changed."""
        return await self._writes.around(statement, values, self._statements.execute(statement, values))

    def _made(self, kind: type[T], found: Rows) -> list[T]:
        if not found.rows:
            return []
        make = reader(kind, found.columns, self._native)
        return [make(row) for row in found.rows]


class _Reads(NamedTuple):
    """Reads that go together."""

    gathering: Gathering[Any, Any]
    entry: Entry


class Database(Reading):
    """One database of the app, in one worker; safe to use from many tasks at once."""

    url = ""
    """As it was declared, with its password."""

    def __init__(self, name: str, driver: Driver, *, connections: int = 20, largest_batch: int = 256) -> None:
        """`connections` are those of all workers together, `largest_batch` the keys or rows of a batch."""
        self.name = name
        self.recorder = Recorder(name)
        driver = Recorded(driver, self.recorder)
        self.tables = Tables()
        self._tags = TableTags(self.tables)
        self.telling = Telling(driver, self._tags)
        super().__init__(driver, driver.native, self.telling)
        self._connections = connections
        self._driver = driver
        self._sessions: Sessions | None = None
        self._largest = largest_batch
        self._reads: dict[tuple[type, type, Any], _Reads] = {}  # by what a row is, its key, and where
        self._inserting: Gathering[Insertion, Rows] = Gathering(self.telling.insert, largest=largest_batch, in_flight=1)

    def __repr__(self) -> str:
        return f"<Database {self.name}: {self._driver!r}>"

    def statistics(self) -> dict[str, float]:
        """Those of the driver, and of the reads and inserts that were gathered."""
        reads = [each.gathering.statistics() for each in self._reads.values()]
        writes = self._inserting.statistics()
        return {
            **self._driver.statistics(),
            "reads": sum(each["calls"] for each in reads),
            "read_batches": sum(each["batches"] for each in reads),
            "inserts": writes["calls"],
            "insert_batches": writes["batches"],
        }

    @property
    def driver(self) -> Driver:
        """What runs the statements, as they are."""
        return self._driver

    @property
    def connections(self) -> int:
        """Those that were declared, for all workers together."""
        return self._connections

    def table(self, kind: type[T], name: str, *, key: str) -> Table[T]:
        """Say in which table the rows of a Struct are, and which column identifies one. Without it `FlightDetail` is in
        `flight_details`, and its first field is the key.

        Raises:
            ConfigurationError: it is no Struct, has a table already, or the key is none of its fields.
        """
        return self.tables.declare(kind, name, key)

    def tags(self, kind: type | str, key: object = None) -> tuple[str, ...]:
        """Tags for what is cached of a table, or of the row with this key: a write through this database makes it
        invalid, after its commit and before the writer goes on. `kind` is the Struct, or the table's name.

        For `cached(tags=db.tags(Airport, "{iata}"))` and `Cache(tags=…)`; to be called where the app is declared, so
        that all workers know. Of functions, triggers, cascades and other programs nothing is known: `app.invalidate`.

        Raises:
            ConfigurationError: a key, and no Struct that says which column it is.
        """
        return self._tags.of(kind, key)

    async def get(self, kind: type[T], key: Any, *, alone: bool = False, fresh: bool = False) -> T:
        """The row with this key. Reads of one loop tick are one statement, unless it is to be `alone`, or the key of a
        type whose equal values the database may tell apart: a float, a Decimal, a datetime. A `fresh` one is of the
        primary, where others may be of a replica.

        Raises:
            NotFound: there is none (404).
        """
        found = await self._read(kind, key, alone, fresh)
        if found is None:
            raise NotFound(f"there is no {kind.__name__} {key!r}")
        return found

    async def find(self, kind: type[T], key: Any, *, alone: bool = False, fresh: bool = False) -> T | None:
        """As `get`; None where there is none."""
        return await self._read(kind, key, alone, fresh)

    async def get_many(self, kind: type[T], keys: Sequence[Any], *, fresh: bool = False) -> list[T | None]:
        """The rows with these keys, in their order; None for those there are not."""
        if all(type(key) in _GATHERED for key in keys):
            return list(await asyncio.gather(*(self._read(kind, key, False, fresh) for key in keys)))
        return [await self._read(kind, key, False, fresh) for key in keys]

    async def insert(self, row: T, *, alone: bool = False) -> T:
        """Insert a row, with the table's defaults for what is None, and return it as it then is.

        Inserts of one loop tick share a commit, which is when each of them returns; one that fails fails alone.

        Raises:
            ConstraintViolated: it is against a constraint of the schema (409).
            NotInserted: a trigger has left it out (409).
        """
        insertion = self.tables.of(type(row)).insertion(row)
        self._driver.writes()
        if alone:
            outcome = (await self.telling.insert([insertion]))[0]
            if isinstance(outcome, Exception):
                raise outcome
            return self._made(type(row), outcome)[0]
        self._asked(self.recorder.entry(insertion.statement), self._inserting.batches)
        return self._made(type(row), await self._inserting.call(insertion))[0]

    def _asked(self, entry: Entry, batches: int) -> None:
        """Note that the running request waits for the batch of this statement that comes after so many."""
        request = asking.get()
        if request is not None:
            request.gathered(self.recorder, entry, batches)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Reading]:
        """Statements that take effect together, or not at all if the block raises. Nothing in it is gathered."""
        writes = Collecting(self._tags)
        committing = False
        try:
            async with self._driver.transaction() as statements:
                yield Reading(statements, self._native, writes)
                committing = True
        except BaseException as error:
            if committing:
                self.telling.unsure(writes.tags, error)
            raise
        await self.telling.tell(writes.tags)

    def sqlalchemy(self) -> "Sessions":
        """SQLAlchemy's sessions and engine, on this database's connections; see `sqlalchemy.sessions`.

        Raises:
            ConfigurationError: SQLAlchemy or the driver it needs is missing, or the database is in memory.
        """
        if self._sessions is None:
            try:
                from stanchion.data.sqlalchemy.sessions import Sessions
            except ImportError:
                raise ConfigurationError("db.sqlalchemy() needs SQLAlchemy; install stanchion[sqlalchemy]") from None
            self._sessions = Sessions(self._driver.lender(), self.recorder, self.telling, self._tags)
        return self._sessions

    async def open(self, fleet: Fleet | None = None) -> None:
        """Make ready, with this worker's share of the connections.

        Raises:
            ConfigurationError: the server cannot give as many as were declared; says why, with the arithmetic.
        """
        fleet = fleet or Fleet(workers=1)
        if not self._driver.remote:
            await self._driver.open(self._connections)
            return
        await self._driver.open(share(self._connections, fleet))
        capacity = await self._driver.capacity()
        if capacity is not None:
            check(self._connections, fleet, capacity)

    def resize(self, fleet: Fleet) -> None:
        """Keep to this worker's share as it is now; to the one it had, where it would be left without any."""
        if self._driver.remote:
            with suppress(ConfigurationError):
                self._driver.resize(share(self._connections, fleet))

    def retire(self, fleet: Fleet) -> None:
        """Keep to the part of a worker that has a successor, and finishes what it owes."""
        if self._driver.remote:
            self._driver.resize(leftover(self._connections, fleet))

    async def close(self) -> None:
        """Close, after what runs."""
        await self._driver.close()
        await self.telling.close()

    async def check(self) -> None:
        """Raise while the database does not answer; for a readiness check."""
        await self._driver.check()

    async def export(self, table: str, path: str, most: int) -> Exported:
        """See `Driver`; for analytics."""
        return await self._driver.export(table, path, most)

    def _read(self, kind: type[T], key: Any, alone: bool, fresh: bool) -> Awaitable[T | None]:
        place = None if fresh else self._driver.place()
        if alone or type(key) not in _GATHERED:
            return self._read_alone(kind, key, place)
        gathered = self._reads.get((kind, type(key), place)) or self._gathered(kind, type(key), place)
        request = asking.get()
        if request is not None:
            request.gathered(self.recorder, gathered.entry, gathered.gathering.batches)
        return gathered.gathering.call(key)

    async def _read_alone(self, kind: type[T], key: Any, place: Any) -> T | None:
        found: dict[Any, T] = await self._load(self.tables.of(kind), place, [key])
        return found.get(key)

    def _gathered(self, kind: type[T], key: type, place: Any) -> "_Reads":
        table = self.tables.of(kind)
        keyed: Keyed[Any, T] = Keyed(
            lambda keys: self._load(table, place, keys),
            largest=self._largest,
            in_flight=self._driver.batches,
            fatal=lambda error: isinstance(error, (*FAILURES, ConfigurationError)),
            copied=copier(kind),
        )
        reads = self._reads[kind, key, place] = _Reads(keyed.gathering, self.recorder.entry(table.lookup.one))
        return reads

    async def _load(self, table: Table[T], place: Any, keys: Sequence[Any]) -> dict[Any, T]:
        columns, rows = await self._driver.look_up(table.lookup._replace(place=place), keys)
        if not columns:
            return {}
        make = reader(table.kind, columns, self._native)
        return {key: make(row) for key, row in zip(keys, rows, strict=True) if row is not None}
