"""Which table a Struct is a row of, and the statements that follow from that."""

import re
from functools import cached_property, lru_cache
from typing import Any, Generic, TypeVar

from msgspec import Struct
from msgspec.structs import astuple, fields

from stanchion.data.driver import Insertion, Lookup
from stanchion.errors import ConfigurationError

T = TypeVar("T")
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Table(Struct, Generic[T], frozen=True, kw_only=True, dict=True):
    """A Struct's table: `db.table(Airport, "airports", key="iata")`.

    Raises:
        ConfigurationError: the type is no Struct, or the key none of its fields.
    """

    kind: type[T]
    name: str
    """As in the database, perhaps with a schema before it: `sales.orders`."""
    key: str
    """The field and column that identifies a row."""

    def __post_init__(self) -> None:
        if not (isinstance(self.kind, type) and issubclass(self.kind, Struct)):
            raise ConfigurationError(f"{self.kind!r} is no Struct; a table's rows are Structs")
        if self.key not in self.columns:
            raise ConfigurationError(
                f"the table {self.name} has the key {self.key!r}, which is no field of {self.kind.__name__}; "
                f"expected one of {', '.join(self.columns)}"
            )

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The fields, which have the columns' names, in their order."""
        return tuple(field.encode_name for field in fields(self.kind))  # type: ignore[arg-type]

    @cached_property
    def lookup(self) -> Lookup:
        """How a row is found by its key."""
        key = quoted(self.key)
        select = f"SELECT {', '.join(map(quoted, self.columns))} FROM {quoted(self.name)}"
        one, many = f"{select} WHERE {key} = $1", f"{select} WHERE {key} = any($1)"
        return Lookup(quoted(self.name), self.key, self.columns, one, many)

    def insertion(self, row: T) -> Insertion:
        """Inserts the row, and returns it as it then is. What is None is left to the database's defaults."""
        columns, values = self.columns, astuple(row)  # type: ignore[arg-type]
        if any(value is None for value in values):
            given = [(name, value) for name, value in zip(columns, values, strict=True) if value is not None]
            columns, values = tuple(name for name, _ in given), tuple(value for _, value in given)
        return Insertion(_inserting(self.name, columns, self.columns), values)


@lru_cache(maxsize=1024)
def _inserting(table: str, columns: tuple[str, ...], returned: tuple[str, ...]) -> str:
    places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    values = f"({', '.join(map(quoted, columns))}) VALUES ({places})" if columns else "DEFAULT VALUES"
    return f"INSERT INTO {quoted(table)} {values} RETURNING {', '.join(map(quoted, returned))}"


class Tables:
    """The tables of a database: those declared, and those that follow from a Struct's name."""

    def __init__(self) -> None:
        self._tables: dict[type, Table[Any]] = {}

    def __repr__(self) -> str:
        return f"<Tables {', '.join(table.name for table in self._tables.values())}>"

    def declare(self, kind: type[T], name: str, key: str) -> Table[T]:
        """Say which table a Struct belongs to.

        Raises:
            ConfigurationError: the Struct has one already.
        """
        if kind in self._tables:
            raise ConfigurationError(f"{kind.__name__} is a row of {self._tables[kind].name} already")
        table = self._tables[kind] = Table(kind=kind, name=name, key=key)
        return table

    def of(self, kind: type[T]) -> Table[T]:
        """The Struct's table; not declared, `FlightDetail` is in `flight_details`, and its first field is the key."""
        table = self._tables.get(kind)
        if table is None:
            names = getattr(kind, "__struct_fields__", ())
            if not names:
                raise ConfigurationError(f"{kind!r} is no Struct with fields; a table's rows are Structs")
            table = self.declare(kind, _WORD.sub("_", kind.__name__).lower() + "s", names[0])
        return table


def quoted(name: str) -> str:
    """A name as an SQL identifier, schema and all.

    Raises:
        ConfigurationError: it holds a NUL.
    """
    if "\0" in name or not name:
        raise ConfigurationError(f"{name!r} cannot be a name in SQL")
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))
