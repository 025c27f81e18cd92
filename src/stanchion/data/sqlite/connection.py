"""One connection and the thread that has it."""

import asyncio
import sqlite3
from collections.abc import Callable
from time import monotonic, sleep
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from stanchion.data.failures import ConstraintViolated, DatabaseTimeout, DatabaseUnavailable
from stanchion.data.limits import time_left
from stanchion.data.sqlite.lane import Lane
from stanchion.deadline import lift

P = ParamSpec("P")
T = TypeVar("T")

STEPS = 2000
"""Of SQLite's virtual machine between two looks at the time: about 20 µs."""
_PAUSE = 0.005
"""Between two attempts to set a connection up, in seconds."""
_PRAGMAS = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
{busy};
PRAGMA temp_store = MEMORY;
PRAGMA mmap_size = 268435456;
PRAGMA cache_size = -16384;
"""


class Threaded:
    """A connection that one thread uses. Whoever gives up waiting for a call has it end in SQLite as well."""

    def __init__(self, path: str, *, read_only: bool, patience: float) -> None:
        self._path = path
        self._read_only = read_only
        self._patience = patience
        self._lane = Lane("sqlite")
        self._connection: sqlite3.Connection | None = None

    def __repr__(self) -> str:
        return f"<Threaded {self._path}{' to read' if self._read_only else ''}>"

    async def run(
        self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """`function(connection, …)` in the thread, until the deadline at the latest.

        Raises:
            DatabaseTimeout, DatabaseUnavailable, ConstraintViolated: see `failures`.
        """
        call = _Call(self._patience)
        try:
            return cast(T, await self._lane.run(lambda: self._called(call, function, *args, **kwargs)))
        except asyncio.CancelledError:
            call.until = 0.0
            raise

    async def put_in_order(self, function: Callable[[sqlite3.Connection], None]) -> None:
        """`function(connection)`, to its end whatever the deadline or who is cancelled: what has ended a call must not
        leave the connection in a transaction."""

        async def work() -> None:
            lift()
            await self.run(function)

        await asyncio.shield(work())

    def _called(self, call: "_Call", function: Any, *args: Any, **kwargs: Any) -> Any:
        if monotonic() > call.until:
            raise DatabaseTimeout
        try:
            connection = self._connection or self._connect()
            connection.set_progress_handler(lambda: monotonic() > call.until, STEPS)
            if not self._read_only:  # 2 us; nothing else ends a wait for another process's lock
                connection.execute(busy_timeout(call.until - monotonic()))
            return function(connection, *args, **kwargs)
        except sqlite3.Error as error:
            failure = failure_of(error)
            if failure is None:
                raise
            raise failure from error

    def _connect(self) -> sqlite3.Connection:
        end = monotonic() + self._patience
        connection = sqlite3.connect(uri_of(self._path), uri=True, isolation_level=None, check_same_thread=False)
        try:
            # Who turns a file to WAL while another process does is told "locked" at once, whatever busy_timeout says.
            while not self._set_up(connection, last=monotonic() > end):
                sleep(_PAUSE)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _set_up(self, connection: sqlite3.Connection, *, last: bool) -> bool:
        """Whether it is done; that the file is locked is raised by the `last` attempt alone."""
        try:
            connection.executescript(pragmas(self._patience))
        except sqlite3.OperationalError as error:
            if last or "locked" not in str(error):
                raise
            return False
        if self._read_only:
            connection.execute("PRAGMA query_only = ON")
        return True

    async def close(self) -> None:
        """Wait for the call that runs, then close."""

        def close() -> None:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

        await self._lane.run(close)
        self._lane.close()


class _Call:
    __slots__ = ("until",)

    def __init__(self, patience: float) -> None:
        left = time_left()
        self.until = monotonic() + (patience if left is None else min(patience, left))


def uri_of(path: str) -> str:
    """What SQLite is to open for this path."""
    return path if path.startswith("file:") else f"file:{path}"


def busy_timeout(seconds: float) -> str:
    """The statement after which others wait so long for another process's lock, or up to 10 ms less: Python keeps the
    last 128 texts prepared, which are not all to be this one."""
    return f"PRAGMA busy_timeout = {10 * max(0, int(seconds * 100))}"


def pragmas(patience: float) -> str:
    """The script that sets a connection up; it waits for another's lock for `patience` seconds at the most."""
    return _PRAGMAS.format(busy=busy_timeout(patience))


def failure_of(error: BaseException) -> Exception | None:
    """Which of `failures` an exception is; None where it is none of them."""
    text = str(error)
    if isinstance(error, sqlite3.IntegrityError):
        return ConstraintViolated(text.partition(": ")[2] or text)
    if type(error) is sqlite3.DatabaseError:  # the file is damaged, or none of SQLite's
        return DatabaseUnavailable(f"the database cannot be used: {text}")
    if not isinstance(error, sqlite3.OperationalError):
        return None
    if text == "interrupted":
        return DatabaseTimeout()
    if "locked" in text or "unable to open" in text or "disk I/O" in text or "is full" in text:
        return DatabaseUnavailable(f"the database cannot be used: {text}")
    return None
