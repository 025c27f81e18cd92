"""What runs in a process: the rows of a table as a Parquet file, which DuckDB reads by columns.

DuckDB's extensions that read SQLite and PostgreSQL are not in its wheel, and would be downloaded at run time. CSV is
what both databases write by themselves, quicker than Python could hand over rows.
"""

import re
from typing import TYPE_CHECKING, NamedTuple

from stanchion.data.analytics.duck import Budget, QueryError, Refusal, connected, first_line, literal
from stanchion.data.analytics.sqlite_csv import write_csv
from stanchion.data.driver import Exported, Unreadable
from stanchion.data.tables import quoted

if TYPE_CHECKING:
    import duckdb

_FORM = (
    "header = false, auto_detect = false, delim = ',', quote = '\"', escape = '\"', new_line = '\\n', nullstr = '', "
    "allow_quoted_nulls = false, parallel = false, buffer_size = 8000000"
)
"""The CSV of PostgreSQL's COPY: what is not in quotes and empty is NULL."""
_MOMENT = "timestamp without time zone"
_TYPES = {
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "real": "FLOAT",
    "double precision": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "time without time zone": "TIME",
    _MOMENT: "TIMESTAMPTZ",  # SQLite's text may have an offset, which a TIMESTAMP would drop
    "timestamp with time zone": "TIMESTAMPTZ",
    "uuid": "UUID",
    "numeric": "DOUBLE",
}
"""PostgreSQL's types as DuckDB has them; those that are not here are text."""


class Packing(NamedTuple):
    """A table to be packed."""

    table: Exported
    csv: str
    """The path of the file for its rows, if they are in the database's own."""
    into: str
    """The path of the Parquet file to be."""
    most: int
    """Rows that it may have."""
    budget: Budget


def pack(packing: Packing) -> int | Refusal:
    """Make the Parquet file; its rows.

    Raises:
        QueryError: there is no such table, or a value in it is none of its column's type.
    """
    try:
        table = packing.table if packing.table.columns else write_csv(packing.table, packing.csv, packing.most + 1)
    except Unreadable as error:
        raise QueryError(str(error)) from None
    if table.rows > packing.most:
        return Refusal("rows", f"the table {table.table} has more than {packing.most} rows")
    with connected(packing.budget) as connection:
        connection.execute("SET preserve_insertion_order = false")  # a row group at a time, not the table, in memory
        return _packed(connection, _query(table), packing) or table.rows


def _packed(connection: "duckdb.DuckDBPyConnection", query: str, packing: Packing) -> Refusal | None:
    import duckdb

    try:
        connection.execute(f"COPY ({query}) TO {literal(packing.into)} (FORMAT parquet)")
    except duckdb.OutOfMemoryException as error:
        return Refusal("memory", first_line(error))
    return None


def _query(table: Exported) -> str:
    columns = ", ".join(f"{quoted(name)}: '{_type(declared)}'" for name, declared in table.columns)
    moments = (quoted(name) for name, declared in table.columns if declared == _MOMENT)
    replaced = ", ".join(f"{name} AT TIME ZONE 'UTC' AS {name}" for name in moments)
    fields = f"* REPLACE ({replaced})" if replaced else "*"
    return f"SELECT {fields} FROM read_csv({literal(table.path)}, {_FORM}, columns = {{{columns}}})"


def _type(declared: str) -> str:
    precise = re.fullmatch(r"numeric\((\d+),(\d+)\)", declared)
    if precise and int(precise[1]) <= 38:
        return f"DECIMAL({precise[1]}, {precise[2]})"
    return _TYPES.get(declared, "VARCHAR")
