"""The pooled connections of one worker: made when they are needed, given back whole, replaced in time.

asyncpg has a pool, which takes 40 µs for each use of a connection and gives it back only after its user has waited for
that; this one takes 4. The last one given back is used next, so that those not needed grow old and are closed. Who is
cancelled does not wait either: the connection is brought in order behind, and counts as taken until it is.
"""

import asyncio
from bisect import insort
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from functools import partial
from operator import itemgetter
from random import random
from time import monotonic
from typing import Any, NamedTuple

from stanchion.data.failures import DatabaseBusy, DatabaseUnavailable
from stanchion.data.limits import Limits
from stanchion.data.postgres.documents import take_documents
from stanchion.data.postgres.failures import driver_module, translated
from stanchion.errors import ConfigurationError
from stanchion.offload.places import Places
from stanchion.tasks import Tasks, seen

Connection = Any
"""asyncpg's, which is imported where it is needed."""
Shelf = list[tuple[Connection, float]]
"""Idle connections of one kind of user, who sets them up its own way; each since when."""
LIFETIME = 1800.0
"""Seconds after which a connection is replaced, plus up to a fifth so that they never go together: after a failover the
old ones would stay where they are."""
IDLE = 300.0
"""Seconds after which one that nobody has used is closed."""
_SWEEP = 30.0
"""Seconds between two looks at those that are idle."""
_CONNECT = 1.5
"""Seconds to make one: those begun while nothing came through to the server are soon given up once it does again."""
_LAST = ("FATAL", "PANIC")
"""Of an error after which the server closes the connection: it has not always done so when the next one wants it."""
_ORDER = 1.0
"""Seconds for the server to say that it has cancelled a statement, or to roll back."""


class Life(NamedTuple):
    """Of a connection."""

    end: float
    shelf: Shelf


class Connections:
    """Those to one server, by its URL."""

    def __init__(self, url: str, limits: Limits, *, prepared: bool, label: str) -> None:
        """See `Postgres`.

        Raises:
            ConfigurationError: the driver is missing.
        """
        self._driver = driver_module()
        self.translated = partial(translated, self._driver)
        self._url = url
        self._limits = limits
        self._prepared = prepared
        self._label = label
        self._places = Places(0, limits.waiting)
        self._shelves: list[Shelf] = []
        self._plain = self.shelf()
        self._lives: dict[Connection, Life] = {}  # of all there are
        self._behind = Tasks()
        self._sweeper: asyncio.TimerHandle | None = None
        self._open = False
        self._broken = 0  # times that all was broken off

    def __repr__(self) -> str:
        return f"<Connections {redacted(self._url)}: {self._places!r}>"

    def statistics(self) -> dict[str, float]:
        """Those open and in use, and how many calls wait for one."""
        return {"connections": len(self._lives), "in_use": self._places.taken, "waiting": self._places.waiting}

    async def open(self, size: int) -> None:
        """Have up to `size` connections from now on."""
        self._places.size = size
        self._open = True
        self._sweep()

    def resize(self, size: int) -> None:
        """Have up to `size` from now on: those idle beyond it are closed, and those in use once they are given back."""
        self._places.resize(size)
        for shelf in self._shelves:
            while shelf and self._excess() > 0:
                self._do_behind(self._closed(shelf.pop(0)[0]))

    async def close(self) -> None:
        """Close all, after what runs or the patience for it."""
        self._open = False
        if self._sweeper is not None:
            self._sweeper.cancel()
        end = monotonic() + self._limits.patience
        while self._places.taken and monotonic() < end:
            await asyncio.sleep(0.01)
        for shelf in self._shelves:
            shelf.clear()
        for task in self._behind:
            task.cancel()
        async with asyncio.TaskGroup() as closing:
            for connection in list(self._lives):
                closing.create_task(self._closed(connection))

    def break_off(self) -> None:
        """Close all at once, with whatever waits for an answer by them or for one of them: the server is gone."""
        self._broken += 1
        self._places.turn_away()
        for connection in list(self._lives):
            connection.terminate()

    def shelf(self) -> Shelf:
        """A kind of connections, which share the places and the number of all."""
        shelf: Shelf = []
        self._shelves.append(shelf)
        return shelf

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[Connection]:
        """A plain connection, for as long as the block lasts; what goes wrong in it is translated.

        Raises:
            as `take`.
        """
        connection = await self.take(self._plain)
        with self.translated():
            try:
                yield connection
            except BaseException as error:
                self.give_back(connection, error)
                raise
            else:
                self.give_back(connection)

    async def take(self, shelf: Shelf) -> Connection:
        """A connection of this kind, which is to be given back.

        Raises:
            DatabaseBusy: all were in use for as long as the request may wait.
            DatabaseUnavailable: the server is not there.
            ConfigurationError: the URL is none.
        """
        if not self._open:
            raise DatabaseUnavailable("the database is not open")
        broken = self._broken
        if not await self._places.enter(self._limits.patience_now()):
            raise DatabaseBusy(self._places.size) if broken == self._broken else DatabaseUnavailable
        with self.translated():
            return self._at_hand(shelf) or await self._made(shelf)

    def give_back(self, connection: Connection, error: BaseException | None = None) -> None:
        """Give it to others, in order, whatever has ended its use."""
        answered = error is None or isinstance(error, self._driver.PostgresError)  # if only with a refusal
        if getattr(error, "severity_en", None) in _LAST:
            connection.terminate()
        if connection.is_closed() or (answered and not connection.is_in_transaction()):
            self._keep(connection)
        else:
            self._do_behind(self._put_in_order(connection))

    def _at_hand(self, shelf: Shelf) -> Connection | None:
        while shelf:
            connection, _ = shelf.pop()
            if not connection.is_closed():
                return connection
            self._forget(connection)
        return None

    async def _made(self, shelf: Shelf) -> Connection:
        """A new one. Who leaves meanwhile does not break off its making, of which others have the use."""
        made = self._do_behind(self._connect(shelf))
        try:
            async with asyncio.timeout(self._limits.patience_now()):
                return await self._places.fill(made, self._keep)
        except TimeoutError as error:
            raise DatabaseUnavailable from error

    async def _connect(self, shelf: Shelf) -> Connection:
        await self._make_room()
        try:
            connection: Connection = await self._driver.connect(
                self._url,
                statement_cache_size=100 if self._prepared else 0,
                command_timeout=self._limits.patience,
                timeout=min(self._limits.patience, _CONNECT),
                server_settings={"application_name": self._label},
            )
        except (ValueError, self._driver.ClientConfigurationError) as error:
            raise ConfigurationError(f"the database {redacted(self._url)}: {error}") from None
        self._lives[connection] = Life(monotonic() + LIFETIME * (1 + random() / 5), shelf)
        connection.add_termination_listener(self._forget)
        if shelf is self._plain:
            await take_documents(connection)
        if self._prepared:  # through PgBouncer it would be set for whoever has the server connection next
            await self._prepare(connection)
        return connection

    async def _make_room(self) -> None:
        """Close what another kind has left idle, where a new connection would be one too many."""
        for shelf in self._shelves:
            while shelf and self._excess() > 0:
                await self._closed(shelf.pop(0)[0])

    def _excess(self) -> int:
        """Connections in use and idle beyond the number there may be."""
        return self._places.taken + sum(map(len, self._shelves)) - self._places.size

    async def _prepare(self, connection: Connection) -> None:
        """What holds for a connection's life. A cancellation that comes before its statement is lost on the way; then
        the server ends it by time, or once it sees that the connection is closed (PostgreSQL 14 and later)."""
        settings = {"statement_timeout": int(self._limits.patience * 1000)}
        if connection.get_server_version().major >= 14:
            settings["client_connection_check_interval"] = 500
        try:
            setting = "; ".join(f"SET {name} = {value}" for name, value in settings.items())
            await connection.execute(setting, timeout=_CONNECT)
        except BaseException:
            connection.terminate()
            raise

    def _forget(self, connection: Connection) -> None:
        self._lives.pop(connection, None)

    def _keep(self, connection: Connection) -> None:
        """Give it, and its place, to the next one."""
        now = monotonic()
        life = self._lives.get(connection)
        if life is None or connection.is_closed():
            self._places.leave()
        elif self._open and now < life.end and self._places.taken <= self._places.size:
            life.shelf.append((connection, now))
            self._places.leave()
        else:
            self._do_behind(self._closed(connection)).add_done_callback(lambda _: self._places.leave())

    async def _put_in_order(self, connection: Connection) -> None:
        """Wait until a statement that was broken off has ended, and a transaction too. The cancellation may reach the
        server only after that, and end what comes next: this, and nobody's statement. A BEGIN that was broken off
        stands for asyncpg, where the next one becomes a savepoint: that fails here, and the connection is closed."""
        try:
            async with asyncio.timeout(_ORDER):
                with suppress(self._driver.PostgresError):
                    await connection.execute("ROLLBACK" if connection.is_in_transaction() else "SELECT")
                async with connection.transaction():
                    pass
            if connection.is_in_transaction():  # the cancellation has ended the ROLLBACK
                connection.terminate()
        except self._driver.PostgresError:
            connection.terminate()
        except TimeoutError:  # those that are idle are hardly better, and whoever is next would wait for them in vain
            connection.terminate()
            self._break_off_idle()
        except BaseException:
            connection.terminate()
            raise
        finally:
            self._keep(connection)

    def _break_off_idle(self) -> None:
        for shelf in self._shelves:
            while shelf:
                shelf.pop()[0].terminate()

    async def _closed(self, connection: Connection) -> None:
        try:
            await connection.close(timeout=_ORDER)
        except (TimeoutError, OSError, self._driver.PostgresError, self._driver.InterfaceError):
            connection.terminate()
        finally:
            self._forget(connection)

    def _sweep(self) -> None:
        """Close those that nobody has used for long, and see to the others; the oldest are first in the list."""
        old = monotonic() - IDLE
        for shelf in self._shelves:
            while shelf and shelf[0][1] < old:
                self._do_behind(self._closed(shelf.pop(0)[0]))
            self._do_behind(self._see_to(shelf))
        self._sweeper = asyncio.get_running_loop().call_later(_SWEEP, self._sweep)

    async def _see_to(self, shelf: Shelf) -> None:
        """Ask those idle since the last time, one after the other: what a firewall has forgotten would cost its next
        user all the time it has."""
        for idle in [idle for idle in shelf if idle[1] < monotonic() - _SWEEP]:
            if idle in shelf and await self._places.enter(0):
                shelf.remove(idle)
                try:
                    if await self._answers(idle[0]):
                        insort(shelf, idle, key=itemgetter(1))
                finally:
                    self._places.leave()

    async def _answers(self, connection: Connection) -> bool:
        try:
            await connection.execute("SELECT", timeout=_ORDER)
        except (TimeoutError, OSError, self._driver.PostgresError, self._driver.InterfaceError):
            connection.terminate()
        return not connection.is_closed()

    def _do_behind(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = self._behind.begin(work)
        task.add_done_callback(seen)  # raised to whom it concerns, or the connection is closed by now
        return task


def redacted(url: str) -> str:
    """The URL without a password."""
    scheme, separator, rest = url.partition("://")
    credentials, at, place = rest.rpartition("@")
    user, colon, _ = credentials.partition(":")
    return f"{scheme}{separator}{user}{colon and ':***'}{at}{place}"
