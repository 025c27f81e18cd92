"""Many keys in one statement, `= any($1)`, such that each gets the row that a statement of its own would find.

Rows are told apart by the key's value. The server may take another value for the same, as 0.1 for the nearest float: a
row that is nobody's is a sign of that, and the keys without a row are then asked for one by one. Where text compares
equal that is not (`char(n)`, citext, a nondeterministic collation) there need be no sign, so these are always asked so.
"""

from collections.abc import Sequence
from typing import Any

from stanchion.data.driver import Found, Lookup
from stanchion.deadline import remaining

_LOOSE = """
SELECT coalesce((
    SELECT t.typname IN ('bpchar', 'citext') OR NOT coalesce(c.collisdeterministic, true)
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_collation c ON c.oid = a.attcollation
    WHERE a.attrelid = to_regclass($1) AND a.attname = $2
), false)
"""


class Lookups:
    """What has been found out about tables' keys."""

    def __init__(self) -> None:
        self._loose: dict[tuple[str, str], bool] = {}

    async def found(self, connection: Any, lookup: Lookup, keys: Sequence[Any]) -> Found:
        """The keys' rows, on this connection."""
        if len(keys) == 1 or await self._is_loose(connection, lookup):
            return _aligned(keys, {key: await _one(connection, lookup, key) for key in keys})
        records = await connection.fetch(lookup.many, list(keys), timeout=remaining())
        rows = {record[lookup.key]: record for record in records}
        missing = [key for key in keys if key not in rows]
        if missing and len(rows) > len(keys) - len(missing):
            rows |= {key: await _one(connection, lookup, key) for key in missing}
        return _aligned(keys, rows)

    async def _is_loose(self, connection: Any, lookup: Lookup) -> bool:
        name = lookup.table, lookup.key
        if name not in self._loose:
            self._loose[name] = await connection.fetchval(_LOOSE, *name, timeout=remaining())
        return self._loose[name]


def _aligned(keys: Sequence[Any], rows: dict[Any, Any]) -> Found:
    some = next((row for row in rows.values() if row is not None), None)
    return Found(() if some is None else tuple(some.keys()), [rows.get(key) for key in keys])


async def _one(connection: Any, lookup: Lookup, key: Any) -> Any:
    return await connection.fetchrow(lookup.one, key, timeout=remaining())
