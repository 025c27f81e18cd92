"""One page of a query: which rows to ask for, and what is made of them. No I/O."""

from collections.abc import Callable, Sequence
from itertools import islice
from operator import eq, itemgetter
from typing import Any, TypeVar, cast

import msgspec

from stanchion.data.cursor import Place, Values, unpacked
from stanchion.data.driver import Rows
from stanchion.data.keyset import Order, order_of, statement_of
from stanchion.errors import ConfigurationError
from stanchion.http.pages import Page, PageQuery

T = TypeVar("T")


class PageRead:
    """A page of one statement's rows, to be fetched by `statement` with `values`.

    Raises:
        InvalidCursor: the cursor is not of this query (400).
        ConfigurationError: there can be no such order.
    """

    def __init__(self, kind: type[T], query: PageQuery, statement: str, values: Values, order: Sequence[str]) -> None:
        self._query = query
        self._kind = kind
        self._order = order_of(cast(Any, kind), tuple(order))
        self._context = _context(statement, values, order)
        self._place = self._read(query)
        forward = self._order if not self._place.backward else _backward(self._order)
        start = self._place.values
        by_offset = query.offset is not None
        there = None if start is None else tuple(value is not None for value in start)
        self.statement = statement_of(statement, forward, there, len(values), offset=by_offset)
        after = [value for value in start or () if value is not None]
        self.values: Values = (*values, *after, query.limit + 1, *([query.offset] if by_offset else []))

    def page(self, found: Rows, make: Callable[[Rows], list[T]]) -> Page[T]:
        """What was fetched as a page.

        Raises:
            ConfigurationError: rows are not told apart by the order, or one is NULL where none was to be.
        """
        rows, backward = found.rows, self._place.backward
        places = self._places(found)
        more = len(rows) > self._query.limit
        if more:
            rows, places = rows[: self._query.limit], places[: self._query.limit]
        if backward:
            rows, places = rows[::-1], places[::-1]
        items = make(Rows(found.columns, rows))
        if self._query.offset is not None:
            return Page(items, *self._by_offset(self._query.offset, more))
        return Page(items, *self._by_cursor(places, more))

    def _by_cursor(self, places: Sequence[Values], more: bool) -> tuple[str | None, str | None]:
        """The paths of the next page and the one before. Where no row is left the way back is to an end of the list."""
        came, backward = self._place.values is not None, self._place.backward
        if not places:
            ends = (self._query.at_first(), None) if backward else (None, self._to(Place(None, True)))
            return ends if came else (None, None)
        after, before = (came, more) if backward else (more, came)
        following = self._to(Place(places[-1], False)) if after else None
        return following, self._to(Place(places[0], True)) if before else None

    def _by_offset(self, offset: int, more: bool) -> tuple[str | None, str | None]:
        query = self._query
        following, before = offset + query.limit, max(0, offset - query.limit)
        reached = more and following <= query.farthest
        return query.at_offset(following) if reached else None, query.at_offset(before) if offset else None

    def _to(self, place: Place) -> str:
        return self._query.at_cursor(place.packed(), self._context)

    def _read(self, query: PageQuery) -> Place:
        content = query.opened(self._context) if query.offset is None else None
        return Place() if content is None else unpacked(content)

    def _places(self, found: Rows) -> list[Values]:
        if not found.rows:
            return []
        at = [found.columns.index(column.name) for column in self._order]
        place = itemgetter(*at) if len(at) > 1 else lambda row: (row[at[0]],)
        places = list(map(place, found.rows))
        for column, values in zip(self._order, zip(*places, strict=True), strict=True):
            if column.nulls is None and None in values:
                name = f"{self._kind.__name__}.{column.name}"
                raise ConfigurationError(f"{name} is NULL in a row; order by '{column.name} nulls last', or first")
        if any(map(eq, places, islice(places, 1, None))):
            names = ", ".join(column.name for column in self._order)
            raise ConfigurationError(
                f"two rows of a page of {self._kind.__name__} are alike in {names}; "
                "end the order with a column that tells them apart, as 'id', or a page would leave one out"
            )
        return places


def _backward(order: Order) -> Order:
    return tuple(column.backward() for column in order)


def _context(statement: str, values: Values, order: Sequence[str]) -> bytes:
    """What tells this query from every other."""
    return msgspec.json.encode((statement, values, list(order)), enc_hook=str)
