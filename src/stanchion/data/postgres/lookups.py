"""Many keys in one statement, `= any($1)`, such that each gets the row that a statement of its own would find.

Rows are told apart by the value of their key, and the server may take one value for another: with citext 'a' for 'A',
0.1 for the nearest `real`, a `macaddr` for all its spellings. So keys go together only where the column's type has one
form of each value; elsewhere they are asked for one by one. A row that is still nobody's is of a key that was
converted, as the text of a UUID: then those without a row are asked for one by one.
"""

from collections.abc import Sequence
from typing import Any

from stanchion.data.driver import Found, Lookup
from stanchion.data.limits import time_left

_EXACT = """
WITH RECURSIVE types(oid, coll, base) AS (
    SELECT a.atttypid, a.attcollation, t.typbasetype
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid WHERE a.attrelid = to_regclass($1) AND a.attname = $2
    UNION ALL SELECT t.oid, types.coll, t.typbasetype FROM types JOIN pg_type t ON t.oid = types.base
)
SELECT (t.typname = any($3) OR t.typtype = 'e') AND coalesce(c.collisdeterministic, true)
FROM types JOIN pg_type t USING (oid) LEFT JOIN pg_collation c ON c.oid = types.coll WHERE types.base = 0
"""
_TYPES = ("int2", "int4", "int8", "numeric", "text", "varchar", "uuid", "bytea", "bool", "date")
"""Besides enumerations. A domain counts as what it is made of."""


class Lookups:
    """What has been found out about tables' keys."""

    def __init__(self) -> None:
        self._exact: dict[tuple[str, str], bool] = {}

    async def found(self, connection: Any, lookup: Lookup, keys: Sequence[Any]) -> Found:
        """The keys' rows, on this connection."""
        if len(keys) == 1 or not await self._is_exact(connection, lookup):
            return _aligned(keys, {key: await _one(connection, lookup, key) for key in keys})
        records = await connection.fetch(lookup.many, list(keys), timeout=time_left())
        place = lookup.columns.index(lookup.key)
        rows = {record[place]: record for record in records}
        found = [rows.get(key) for key in keys]
        missing = found.count(None)
        if missing and len(rows) > len(keys) - missing:
            rows |= {key: await _one(connection, lookup, key) for key in keys if key not in rows}
            return _aligned(keys, rows)
        return Found(lookup.columns if records else (), found)

    async def _is_exact(self, connection: Any, lookup: Lookup) -> bool:
        name = lookup.table, lookup.key
        if name not in self._exact:
            exact = await connection.fetchval(_EXACT, *name, _TYPES, timeout=time_left())
            if exact is None:  # there is no such table; perhaps not yet
                return False
            self._exact[name] = exact
        return self._exact[name]


def _aligned(keys: Sequence[Any], rows: dict[Any, Any]) -> Found:
    some = next((row for row in rows.values() if row is not None), None)
    return Found(() if some is None else tuple(some.keys()), [rows.get(key) for key in keys])


async def _one(connection: Any, lookup: Lookup, key: Any) -> Any:
    return await connection.fetchrow(lookup.one, key, timeout=time_left())
