"""What runs in a process: the rows of a table as a Parquet file, which DuckDB reads by columns.

DuckDB's extensions that read SQLite and PostgreSQL are not in its wheel, and would be downloaded at run time. CSV is
what both databases write by themselves, quicker than Python could hand over rows.
"""

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from stanchion.data.analytics.duck import Budget, QueryError, Refusal, connected, first_line, literal
from stanchion.data.analytics.sqlite_csv import write_csv
from stanchion.data.driver import Exported, Unreadable
from stanchion.data.tables import quoted

_FORM = (
    "header = false, auto_detect = false, delim = ',', quote = '\"', escape = '\"', new_line = '\\n', nullstr = '', "
    "allow_quoted_nulls = false, parallel = false, buffer_size = 8000000"
)
"""The CSV of PostgreSQL's COPY: what is not in quotes and empty is NULL."""
_TYPES = {
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "real": "FLOAT",
    "double precision": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "time without time zone": "TIME",
    "timestamp without time zone": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMPTZ",
    "uuid": "UUID",
    "numeric": "DOUBLE",
}
"""PostgreSQL's types as DuckDB has them; those that are not here are text."""


class Packing(NamedTuple):
    """A table to be packed."""

    table: Exported
    csv: str
    """The path of the file with its rows, if they are not in the database itself; it is gone afterwards."""
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
    exported = packing.table
    try:
        if exported.rows is None:
            exported = write_csv(exported, packing.csv, packing.most + 1)
        assert exported.rows is not None
        if exported.rows > packing.most:
            return Refusal("rows", f"the table {exported.table} has more than {packing.most} rows")
        return _packed(exported, packing)
    except Unreadable as error:
        raise QueryError(str(error)) from None
    finally:
        Path(packing.csv).unlink(missing_ok=True)


def _packed(exported: Exported, packing: Packing) -> int | Refusal:
    import duckdb

    columns = ", ".join(f"{quoted(name)}: '{_type(declared)}'" for name, declared in exported.columns)
    rows = f"read_csv({literal([packing.csv])}, {_FORM}, columns = {{{columns}}})"
    with connected(packing.budget) as connection:
        connection.execute("SET preserve_insertion_order = false")  # a row group at a time, not the table, in memory
        try:
            connection.execute(f"COPY (SELECT * FROM {rows}) TO {literal([packing.into])[1:-1]} (FORMAT parquet)")
        except duckdb.OutOfMemoryException as error:
            with suppress(FileNotFoundError):
                Path(packing.into).unlink()
            return Refusal("memory", first_line(error))
    return exported.rows or 0


def _type(declared: str) -> str:
    if declared.startswith("numeric(") and int(declared[8:].partition(",")[0].rstrip(")")) <= 38:
        return declared.upper().replace("NUMERIC", "DECIMAL")
    return _TYPES.get(declared, "VARCHAR")
