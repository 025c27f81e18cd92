"""What is asked of a database's driver; the two that are there are `postgres` and `sqlite`."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple, Protocol

from stanchion.data.budget import Capacity
from stanchion.data.failures import DatabaseBusy, DatabaseTimeout, DatabaseUnavailable
from stanchion.data.lending import Lender

Row = Sequence[Any]


class Rows(NamedTuple):
    """The result of a statement."""

    columns: tuple[str, ...]
    rows: Sequence[Row]


class Found(NamedTuple):
    """The rows of some keys, in their order; None for those there are not."""

    columns: tuple[str, ...]
    rows: Sequence[Row | None]


class Lookup(NamedTuple):
    """How rows are found by a key."""

    table: str
    """Its name as SQL."""
    key: str
    """The column."""
    columns: tuple[str, ...]
    """Those that are wanted."""
    one: str
    """The statement for the key `$1`."""
    many: str
    """The statement for those of the array `$1`."""
    place: Any = None
    """Where; see `Driver.place`."""


class Insertion(NamedTuple):
    """One row to insert: `statement` with `$1`, `$2`, …, which returns the row as it then is."""

    statement: str
    values: tuple[Any, ...]


class Exported(NamedTuple):
    """A table's rows as another process can read them: a CSV file, or the file of the database itself."""

    table: str
    path: str
    columns: tuple[tuple[str, str], ...] = ()
    """Name and type (PostgreSQL's words) of each field of the CSV file; none where the file is the database's."""
    rows: int = 0
    """Those of the CSV file."""


class Unreadable(Exception):
    """A table that cannot be exported; why."""


class Statements(Protocol):
    """What runs statements: a driver, each by itself, or one of its transactions.

    Raises, from all of these:
        DatabaseUnavailable, DatabaseBusy, DatabaseTimeout, ConstraintViolated: see `failures`.
    """

    async def fetch(self, statement: str, values: Sequence[Any], *, first: bool = False) -> Rows:
        """All rows of a statement that returns some, or the `first` alone."""

    async def execute(self, statement: str, values: Sequence[Any]) -> int:
        """How many rows a statement has changed."""

    def stream(self, statement: str, values: Sequence[Any]) -> AsyncGenerator[Rows, None]:
        """The rows part by part, each at most a few hundred; the connection is held until the end."""


class Driver(Statements, Protocol):
    """One database, with its connections."""

    native: frozenset[type]
    """Types of its values, so that a field of such a type needs no conversion."""
    batches: int
    """Look-ups of one kind that may be under way at one time; more gather for the next."""
    remote: bool
    """A server has it, whose connections all that use it share."""

    async def open(self, connections: int) -> None:
        """Make ready, with so many connections at the most; a database that is down meanwhile is no error."""

    def resize(self, connections: int) -> None:
        """Have so many at the most from now on."""

    async def capacity(self) -> Capacity | None:
        """What the server has to give; None where there is none, or it does not answer."""

    async def close(self) -> None:
        """Wait for what runs, and close all connections."""

    async def check(self) -> None:
        """Ask for an answer within a second."""

    def place(self) -> Any:
        """Where the running request may look up: calls are gathered that can be answered at the same place, by
        `Lookup.place`. What it is is the driver's own matter; it can be hashed, and there are few. None is where
        writes go, which any request may ask."""

    def writes(self) -> None:
        """The running request is about to write, by something that is not done in its context."""

    async def look_up(self, lookup: Lookup, keys: Sequence[Any]) -> Found:
        """The rows of these keys, none of them twice: what each statement for one key would find."""

    async def insert(self, rows: Sequence[Insertion]) -> Sequence[Rows | Exception]:
        """Insert all, with one commit if it can be; each has an outcome of its own, NotInserted where the schema has
        left it out."""

    def transaction(self) -> AbstractAsyncContextManager[Statements]:
        """Statements that take effect together at the end of the block, or not at all if it raises."""

    def lender(self) -> Lender:
        """What lends its connections to another library.

        Raises:
            ConfigurationError: a package is missing, or the database's connections cannot be lent.
        """

    async def export(self, table: str, path: str, most: int) -> Exported:
        """Up to `most` rows of a table, as a process can read them; what has to be written goes to the file `path`.

        Raises:
            Unreadable: there is no such table, or no process can read it.
        """

    def statistics(self) -> dict[str, float]:
        """Connections open and in use, and statements that wait for one."""


FAILURES = (DatabaseUnavailable, DatabaseBusy, DatabaseTimeout)
"""Failures that are no statement's own, so that another try of the same batch would fail too."""
