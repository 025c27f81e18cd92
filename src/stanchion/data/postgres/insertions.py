"""Rows of several callers inserted with one commit: where that fails by halves, until what fails is one row.

With 256 rows, one that is refused costs 16 calls more; to insert each alone would cost all others 255. A row that the
schema leaves out fails nothing, and is committed with the others: so each comes back with its place.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from stanchion.data.driver import FAILURES, Insertion, Rows
from stanchion.data.failures import NotInserted
from stanchion.errors import ConfigurationError

Values = list[tuple[Any, ...]]
Send = Callable[[str, Values], Awaitable[Sequence[Rows | Exception]]]


async def inserted(send: Send, rows: Sequence[Insertion]) -> list[Rows | Exception]:
    """An outcome for each row. `send(statement, values)` inserts all or nothing; what is of another statement goes
    after it.

    Raises:
        DatabaseUnavailable, DatabaseBusy, DatabaseTimeout, ConfigurationError: before anything was inserted. Later they
            are outcomes, of the rows that were still to come.
    """
    outcomes: dict[int, Rows | Exception] = {}
    parts = _by_statement(rows)
    while parts:
        part = parts.pop()
        try:
            found = await send(rows[part[0]].statement, [rows[place].values for place in part])
        except (*FAILURES, ConfigurationError) as error:
            if not outcomes:
                raise
            outcomes |= {place: error for rest in (part, *parts) for place in rest}
            break
        except Exception as error:
            if len(part) > 1:
                middle = len(part) // 2
                parts += (part[middle:], part[:middle])
            else:
                outcomes[part[0]] = error
        else:
            outcomes |= zip(part, found, strict=True)
    return [outcomes[place] for place in range(len(rows))]


def placing(statement: str, values: Values) -> tuple[str, Values]:
    """An insertion that returns, behind what it returns by itself, which of the rows it is."""
    return f"{statement}, ${len(values[0]) + 1}::int4", [(*row, place) for place, row in enumerate(values)]


def placed(records: Sequence[Any], count: int) -> list[Rows | Exception]:
    """What of `count` rows has come back of a statement of `placing`, by their places."""
    columns = tuple(records[0].keys())[:-1] if records else ()
    found = {record[-1]: Rows(columns, [record[:-1]]) for record in records}
    return [found.get(place) or NotInserted() for place in range(count)]


def _by_statement(rows: Sequence[Insertion]) -> list[list[int]]:
    """The rows' places, those of one statement together; the first statement is last."""
    places: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        places.setdefault(row.statement, []).append(place)
    return list(places.values())[::-1]
