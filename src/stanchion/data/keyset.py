"""Keyset pagination: the rows after a place in an order, whose place is told by the columns it is made of.

An offset makes the thousandth page a thousand times dearer than the first, and repeats or misses rows when others come
and go in between; a place in the order does neither (M. Winand, "We need tool support for keyset pagination").

Where all columns go one way and none is NULL it is one comparison of row values, which both databases walk an index by.
Else it is that comparison spelled out, with the first column's part before it: of the rest no index makes a range.
"""

import re
from functools import lru_cache
from typing import Any, Literal, cast

import msgspec
from msgspec import Struct, inspect

from stanchion.data.tables import quoted
from stanchion.errors import ConfigurationError

Nulls = Literal["first", "last"] | None
_OTHER_END: dict[Nulls, Nulls] = {"first": "last", "last": "first", None: None}
_TEXT = re.compile(r"(-?)(\w+)(?: nulls (first|last))?")
_FORM = "expected a column such as 'date', '-date' (descending) or '-date nulls last'"


class Column(Struct, frozen=True):
    """One column of an order."""

    name: str
    descending: bool = False
    nulls: Nulls = None
    """Where NULL is; None for a column that holds none."""

    @property
    def sql(self) -> str:
        """It, as a query names it: with its table, since SQLite takes an unknown name for a text."""
        return f"page.{quoted(self.name)}"

    @property
    def ordering(self) -> str:
        """It in ORDER BY."""
        nulls = f" NULLS {self.nulls.upper()}" if self.nulls else ""
        return f"{self.sql} {'DESC' if self.descending else 'ASC'}{nulls}"

    def backward(self) -> "Column":
        """The same order from its other end."""
        return Column(self.name, not self.descending, _OTHER_END[self.nulls])

    def same(self, value: str) -> str:
        """The condition for rows that have this value; empty stands for NULL."""
        return f"{self.sql} = {value}" if value else f"{self.sql} IS NULL"

    def after(self, value: str, *, equal: bool = False) -> str:
        """The condition for rows beyond this value, or `equal` to it as well."""
        if value:
            beyond = f"{self.sql} {'<' if self.descending else '>'}{'=' if equal else ''} {value}"
            return f"({beyond} OR {self.sql} IS NULL)" if self.nulls == "last" else beyond
        if self.nulls == "first":
            return "TRUE" if equal else f"{self.sql} IS NOT NULL"
        return f"{self.sql} IS NULL" if equal else "FALSE"


Order = tuple[Column, ...]


@lru_cache(maxsize=1024)
def order_of(kind: Any, texts: tuple[str, ...]) -> Order:
    """The order of rows of `kind` that these texts tell: `("date", "-delay nulls last", "id")`. Its columns together
    tell one row from any other.

    Raises:
        ConfigurationError: one is not of that form or no field, or it is unsaid where its NULLs are.
    """
    if not (isinstance(kind, type) and issubclass(kind, Struct)):
        raise ConfigurationError(f"{kind!r} is no Struct; the items of a page are Structs")
    if not texts:
        raise ConfigurationError(f"a page of {kind.__name__} has no order; name columns that tell rows apart, as 'id'")
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    return tuple(_column(kind.__name__, text, fields) for text in texts)


def _column(kind: str, text: str, fields: dict[str, Any]) -> Column:
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ConfigurationError(f"order {text!r} of a page of {kind}: {_FORM}")
    minus, name, nulls = found.groups()
    if name not in fields:
        raise ConfigurationError(f"a page of {kind} is ordered by {name!r}, which is none of its fields")
    if _may_be_none(fields[name]) and nulls is None:
        raise ConfigurationError(f"{kind}.{name} may be None: order by '{text} nulls last', or 'nulls first'")
    return Column(name, bool(minus), cast(Nulls, nulls))


def _may_be_none(declared: Any) -> bool:
    node = inspect.type_info(declared)
    while isinstance(node, inspect.Metadata):
        node = node.type
    return isinstance(node, inspect.NoneType | inspect.AnyType) or getattr(node, "includes_none", False)


@lru_cache(maxsize=1024)
def statement_of(statement: str, order: Order, place: tuple[bool, ...] | None, given: int, *, offset: bool) -> str:
    """A page of a statement's rows, which are `given` parameters.

    `place` says which columns of the row to go on after are not NULL; None begins at the beginning. The parameters
    after the statement's own are the values of those columns, the most rows to give, and with `offset` those to leave
    out.
    """
    numbers = (f"${number}" for number in range(given + 1, given + 100))
    where = ""
    if place is not None:
        where = f"WHERE {_after(order, [next(numbers) if there else '' for there in place])}\n"
    limit = f"LIMIT {next(numbers)}" + (f" OFFSET {next(numbers)}" if offset else "")
    ordering = ", ".join(column.ordering for column in order)
    inner = statement.strip().removesuffix(";")
    return f"SELECT * FROM (\n{inner}\n) AS page\n{where}ORDER BY {ordering} {limit}"


def _after(order: Order, values: list[str]) -> str:
    first = order[0]
    if len(order) == 1:
        return first.after(values[0])
    if all(column.nulls is None and column.descending == first.descending for column in order):
        names = ", ".join(column.sql for column in order)
        return f"({names}) {'<' if first.descending else '>'} ({', '.join(values)})"
    ways = []
    for place, column in enumerate(order):
        before = [each.same(value) for each, value in zip(order[:place], values, strict=False)]
        ways.append(f"({' AND '.join([*before, column.after(values[place])])})")
    return f"{first.after(values[0], equal=True)} AND ({' OR '.join(ways)})"
