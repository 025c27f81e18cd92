"""What a cursor holds: the place of a row in an order, as the database itself has it, so that it compares as it did.

A timestamp that SQLite has as text, or a number that the Struct rounds, would come back as another from the Struct.
"""

from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from stanchion.errors import ConfigurationError
from stanchion.http.pages import InvalidCursor

_KINDS = (bool, int, float, str, bytes, datetime, date, time, Decimal, UUID)
"""A cursor tells a value's type by its number here, so new ones go to the end. A bool is an int and a datetime a date:
these come first."""
_PLAIN = frozenset((bool, int, float, str, bytes))
"""Those that MessagePack has; the others go as text."""
Values = tuple[Any, ...]


class Place(NamedTuple):
    """Where a page begins."""

    values: Values | None = None
    """Of the order's columns in the row before it; None at the beginning, or the end."""
    backward: bool = False
    """It is the page before that row, not the one after it."""

    def packed(self) -> bytes:
        """It as a cursor holds it.

        Raises:
            ConfigurationError: a value is of another type than those above.
        """
        values = None if self.values is None else [_packed(value) for value in self.values]
        return msgspec.msgpack.encode((values, self.backward))


def unpacked(content: bytes) -> Place:
    """The place that a cursor holds.

    Raises:
        InvalidCursor: another release has packed it in another way.
    """
    try:
        values, backward = msgspec.msgpack.decode(content)
        return Place(None if values is None else tuple(map(_unpacked, values)), backward)
    except (ValueError, TypeError, IndexError):
        raise InvalidCursor from None


def _packed(value: Any) -> tuple[int, Any] | None:
    if value is None:
        return None
    for number, kind in enumerate(_KINDS):
        if isinstance(value, kind):
            return number, value if kind in _PLAIN else str(value)
    raise ConfigurationError(f"a page cannot be ordered by a column of {type(value).__name__}: no cursor holds one")


def _unpacked(packed: Sequence[Any] | None) -> Any:
    if packed is None:
        return None
    number, plain = packed
    return msgspec.convert(plain, _KINDS[number])
