"""The tags of a database's tables and rows, for what is cached of them, and those that a write makes invalid.

What is kept of a whole table has its `table:` tag, which any write to it makes invalid. What is kept of one row has a
tag of its own and the table's `rows:` tag, which is for writes of which it is not known what rows they change. So no
entry outlives a write, and a write whose row is known leaves the other rows' entries alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import NoneType
from typing import Any, get_args
from uuid import UUID

from msgspec.structs import fields

from stanchion.data.driver import Rows
from stanchion.data.tables import Table, Tables
from stanchion.data.written import written
from stanchion.errors import ConfigurationError

_SURE = frozenset((int, str, UUID))
"""Types of keys whose values are one text each, in a tag, among a statement's values and in a row."""


class TableTags:
    """Only tables that somebody has asked for the tags of are told of: a tag that nobody uses costs the others cells of
    the board, and a fleet messages."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._keys: dict[str, dict[str, Any]] = {}
        """Of each table that is tagged, the columns that its rows are tagged by, with their types."""

    def __repr__(self) -> str:
        return f"<TableTags of {', '.join(sorted(self._keys)) or 'no table'}>"

    def of(self, kind: type | str, key: object = None) -> tuple[str, ...]:
        """What an entry is to be tagged with that is made of this table's rows; with a `key`, of that row alone.

        Raises:
            ConfigurationError: a key of a table without a Struct, which would say what column it is.
        """
        if isinstance(kind, str):
            if key is not None:
                raise ConfigurationError(
                    f"tags({kind!r}, {key!r}): give the Struct of the rows, which says what a key is"
                )
            name = _name(kind)
        else:
            table: Table[Any] = self._tables.of(kind)
            name = _name(table.name)
        keys = self._keys.setdefault(name, {})
        if key is None:
            return (f"table:{name}",)
        keys[table.key.lower()] = _type_of_key(table)
        return (f"{name}:{key}", f"rows:{name}")

    def written(self, statement: str, values: Sequence[Any]) -> set[str]:
        """The tags that a statement makes invalid; none of one that reads."""
        if not self._keys:
            return set()
        tables = written(statement)
        if tables is None:
            return self.everything()
        found: set[str] = set()
        for table, rows in tables:
            if table in self._keys:
                found |= self._invalid(table, {column: values[place] for column, place in rows if place < len(values)})
        return found

    def everything(self) -> set[str]:
        """The tags that a write to any table might make invalid."""
        return {tag for table in self._keys for tag in self._invalid(table, {})}

    def inserted(self, statement: str, outcomes: Iterable[Rows | Exception]) -> set[str]:
        """The tags that rows make invalid which this statement has inserted and returned."""
        tables = written(statement) or ()
        tagged = [table for table, _ in tables if table in self._keys]
        found: set[str] = set()
        for outcome in outcomes:
            if isinstance(outcome, Rows):
                columns = [column.lower() for column in outcome.columns]
                for row in outcome.rows:
                    known = dict(zip(columns, row, strict=True))
                    found |= {tag for table in tagged for tag in self._invalid(table, known)}
        return found

    def _invalid(self, table: str, known: Mapping[str, Any]) -> set[str]:
        """Of a write to a table; `known` are values that the changed row has before and after."""
        keys = self._keys[table]
        sure = all(kind in _SURE and type(known.get(key)) is kind for key, kind in keys.items())
        rows = {f"{table}:{known[key]}" for key in keys} if sure else {f"rows:{table}"}
        return {f"table:{table}"} | rows


def _type_of_key(table: Table[Any]) -> Any:
    """What the Struct says; of `int | None`, which is for a database to fill in, `int`."""
    declared = next(field.type for field in fields(table.kind) if field.encode_name == table.key)
    return next((kind for kind in get_args(declared) if kind is not NoneType), declared)


def _name(table: str) -> str:
    """As `written` has it."""
    return table.rpartition(".")[2].strip('"').lower()
