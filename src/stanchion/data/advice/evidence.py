"""What is known of a database before it is judged: its tables and indexes, and how it runs each statement."""

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from stanchion.data.statements.exported import Seen


class Table(Struct, frozen=True, kw_only=True):
    """A table's size."""

    name: str
    rows: float
    """An estimate."""


class Index(Struct, frozen=True, kw_only=True):
    """An index there is."""

    name: str
    table: str
    columns: tuple[str, ...]
    """In order; an expression is an empty text."""
    needed: bool = False
    """It keeps rows unique, or serves a constraint."""
    partial: bool = False
    scans: int | None = None
    """How often the database has used it; None where it does not count."""
    bytes: int | None = None


class Condition(Struct, frozen=True, kw_only=True):
    """A part of a filter that an index could answer: all of them hold."""

    column: str
    kind: Literal["equal", "range"]
    parameter: int | None = None
    """The number of the statement's parameter it is compared with, if it is one."""


class Scan(Struct, frozen=True, kw_only=True):
    """A table that a statement reads."""

    table: str
    whole: bool
    """Every row is looked at: no index narrows it down."""
    share: float = 1.0
    """Of the table's rows, those that are wanted; an estimate from 0 to 1."""
    conditions: tuple[Condition, ...] = ()
    order: tuple[str, ...] = ()
    """Columns, each perhaps with ` DESC`, by which the rows are sorted afterwards to take the first few."""


class Plan(Struct, frozen=True, kw_only=True):
    """How a statement is run."""

    scans: tuple[Scan, ...] = ()
    indexes: frozenset[str] = frozenset()
    """Names of those in use."""
    cost: float | None = None
    """In the planner's own unit."""


class Evidence(Struct, frozen=True, kw_only=True):
    """All there is to judge by."""

    database: str
    """Its name in the app."""
    concurrently: bool = False
    """Indexes can be made and dropped while others write."""
    tables: Mapping[str, Table] = {}
    indexes: Sequence[Index] = ()
    plans: Sequence[tuple[Seen, Plan]] = ()
    repeated: Sequence[Seen] = ()
    """Statements that were asked again and again within a request."""
    unexplained: Mapping[str, str] = {}
    """Texts of statements that the database does not explain, each with why."""
