"""Whatever a statement changes, the tags of it are told: compared with the rows before and after."""

import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from typing import Any

from msgspec import Struct

from stanchion.data.database import Database
from stanchion.data.failures import ConstraintViolated
from stanchion.data.limits import Limits
from stanchion.data.sqlite.driver import SQLite
from tests.data.conftest import run


class Seat(Struct):
    id: int
    block: int
    holder: str | None = None


CONDITIONS = (
    *(
        "id = $1",
        "id = $1",
        "id = $1",
        "seats.id = $1",
        '"ID" = $1',
        "id == $1",
        "$1 = id",
        "id IS $1",
        "(id = $1)",
        "id IN ($1, $2)",
    ),
    *("id = $1 + 1", "- id = $1", "1 + id = $1", "id = $1 - 0", "id <= $1", "id >= $1", "id <> $1", "NOT id = $1"),
    *("id BETWEEN $1 AND $2", "block = $1", "block = $2", "holder = 'id = $1'", "holder IS NULL", "id = $2"),
    *("block BETWEEN 0 AND id = $1", "block = 1 OR true AND id = $1", "(true AND id = $1 AND true) IS NOT true"),
    *(
        "CASE WHEN true AND id = $1 AND true THEN 0 ELSE 1 END",
        "id = $1 AND block IS NOT NULL",
        "NOT block AND id = $1",
    ),
    *("CASE WHEN block = 1 THEN 1 ELSE id = $1 END", "id IN (SELECT block FROM seats WHERE id = $1)", "true"),
)
CHANGES = (
    *("(id, block) = ($4, 0)", "(block, id) = (0, $4)"),
    *("holder = $3", "holder = 'WHERE id = $1'", "block = $2", "block = id", "holder = NULL, block = $1"),
    *("id = id + 10", "id = $4", "id = $4, holder = $3", '"id" = $4'),
)
INSERTS = (
    *("INSERT INTO seats VALUES ($4, $1, $3)", "REPLACE INTO seats VALUES ($1, $2, $3)"),
    *("INSERT OR IGNORE INTO seats SELECT id + 10, block, holder FROM seats WHERE id = $1",),
    *("INSERT INTO seats VALUES ($1, 0, $3) ON CONFLICT (id) DO UPDATE SET holder = $3 WHERE seats.id = $1",),
    *("INSERT INTO seats VALUES ($1, 0, $3) ON CONFLICT (id) DO UPDATE SET id = $4",),
)
EIGHT = ", ".join(f"({number}, {number % 2}, NULL)" for number in range(8))
JOINS = (" AND ", " OR ", " and ", " /* OR */ AND\n")
ENDS = ("", ";", " -- WHERE id = $2", " RETURNING id")
VALUES = ((1, 2, "a", 9), (1, 1, "b", 1), (4, 3, "a", 5), ("01", 2, "a", 9), (2, 0, "a", 20))
"""Of `$1` to `$4`; a statement gets as many as it has."""


def statements() -> Iterator[str]:
    """Each change with each condition, and each condition beside one that names a row, before it and behind it."""
    wheres = [*CONDITIONS]
    for condition, join in product(CONDITIONS, JOINS):
        wheres += [f"id = $1{join}{condition}", f"{condition}{join}id = $1"]
    for number, where in enumerate(wheres):
        end = ENDS[number % len(ENDS)]
        yield f"DELETE FROM seats WHERE {where}{end}"
        yield f"UPDATE seats SET holder = $3 WHERE {where}{end}"
    for change, condition in product(CHANGES, CONDITIONS):
        yield f"UPDATE seats SET {change} WHERE {condition}"
    yield from (f"UPDATE seats SET {change}" for change in CHANGES)
    yield from INSERTS


def parameters(statement: str) -> int:
    """How many values belong to a statement: what texts and comments say is none."""
    return max(map(int, re.findall(r"\$(\d)", re.sub("'[^']*'|--.*", "", statement))), default=0)


class Watched:
    """A database in memory, and the tags that were told of it."""

    def __init__(self) -> None:
        self.database = Database("seats", SQLite(":memory:", Limits(waiting=10, patience=10)))
        self.told: set[str] = set()

    async def rows(self) -> dict[int, Seat]:
        return {seat.id: seat for seat in await self.database.all(Seat, "SELECT * FROM seats")}

    async def changed_by(self, statement: str, values: tuple[Any, ...], *, together: bool) -> set[int]:
        """The keys of the rows that a statement has changed, of eight; in a transaction if `together`."""
        await self.database.execute("DELETE FROM seats")
        await self.database.execute(f"INSERT INTO seats VALUES {EIGHT}")
        before = await self.rows()
        self.told.clear()
        with suppress(ConstraintViolated):
            if together:
                async with self.database.transaction() as transaction:
                    await transaction.execute(statement, *values)
            else:
                await self.database.all(Any, statement, *values)
        after = await self.rows()
        return {key for key in {*before, *after} if before.get(key) != after.get(key)}

    async def tell(self, *tags: str) -> None:
        """In the place of `app.invalidate`."""
        self.told.update(tags)


def test_every_change_is_told_of_and_one_to_a_row_often_alone() -> None:
    async def work() -> None:
        watched = Watched()
        database = watched.database
        await database.open()
        await database.execute("CREATE TABLE seats (id integer PRIMARY KEY, block integer, holder text)")
        database.tags(Seat, "{id}")
        database.telling.to = watched.tell
        alone = 0
        for number, (statement, four) in enumerate(product(statements(), VALUES)):
            values = four[: parameters(statement)]
            keys = await watched.changed_by(statement, values, together=number % 2 == 1)
            rows = {f"seats:{key}" for key in keys}
            assert not keys or "table:seats" in watched.told, (statement, values)
            assert "rows:seats" in watched.told or rows <= watched.told, (statement, values)
            alone += bool(keys) and "rows:seats" not in watched.told
        assert alone > 100
        await database.close()

    run(work)
