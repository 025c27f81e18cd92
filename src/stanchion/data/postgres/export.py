"""A table's rows into a file by COPY: bytes that pass through, and are never rows here."""

from typing import Any

from stanchion.data.driver import Exported, Unreadable
from stanchion.data.limits import time_left
from stanchion.data.tables import quoted

_COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
_PATIENCE = "SELECT set_config('statement_timeout', $1, true)"


async def export(connection: Any, table: str, path: str, most: int) -> Exported:
    """See `Driver`; within the deadline, not the patience that other statements have."""
    async with connection.transaction():
        left = time_left()
        await connection.execute(_PATIENCE, str(int(1000 * (left or 0))), timeout=left)
        columns = tuple(map(tuple, await connection.fetch(_COLUMNS, quoted(table), timeout=time_left())))
        if not columns:
            raise Unreadable(f"there is no table {table}")
        names = ", ".join(quoted(name) for name, _ in columns)
        query = f"SELECT {names} FROM {quoted(table)} LIMIT {most}"
        done = await connection.copy_from_query(query, output=path, format="csv", timeout=time_left())
    return Exported(table, path, columns, int(done.rpartition(" ")[2]))
