"""What runs in a process: a table of an SQLite file as CSV. SQLite makes each line itself, at a third of the cost of
handing rows to Python."""

import sqlite3
from contextlib import closing
from pathlib import Path

from stanchion.data.driver import Exported, Unreadable
from stanchion.data.sqlite.connection import uri_of
from stanchion.data.tables import quoted

_PART = 10_000
"""Lines that are written at one time."""
_KINDS = (
    ("INT", "bigint"),
    *((text, "text") for text in ("CHAR", "CLOB", "TEXT", "BLOB")),
    *((real, "double precision") for real in ("REAL", "FLOA", "DOUB", "NUM", "DEC")),
    ("BOOL", "boolean"),
    *((moment, "timestamp without time zone") for moment in ("DATETIME", "TIMESTAMP")),
    ("DATE", "date"),
)
"""What a column is by a part of its declared type: SQLite's own rules first, then what it keeps as text or number."""


def write_csv(database: Exported, path: str, most: int) -> Exported:
    """Write up to `most` rows of a table to the file.

    Raises:
        Unreadable: there is no such table, or the file is none of SQLite's.
    """
    uri = uri_of(database.path)
    try:
        with closing(sqlite3.connect(f"{uri}{'&' if '?' in uri else '?'}mode=ro", uri=True)) as connection:
            connection.create_function("shortest", 1, repr, deterministic=True)
            columns = _columns(connection, database.table)
            lines = connection.execute(_statement(database.table, [name for name, _ in columns]), (most,))
            count = 0
            with Path(path).open("w", encoding="utf-8", newline="") as file:
                while part := lines.fetchmany(_PART):
                    file.write("".join(line for (line,) in part))
                    count += len(part)
    except sqlite3.Error as error:
        raise Unreadable(f"the table {database.table}: {error}") from None
    return Exported(database.table, path, tuple(columns), count)


def _columns(connection: sqlite3.Connection, table: str) -> list[tuple[str, str]]:
    found = connection.execute("SELECT name, type FROM pragma_table_info(?)", (table,)).fetchall()
    if not found:
        raise Unreadable(f"there is no table {table}")
    return [(name, _kind(declared.upper())) for name, declared in found]


def _kind(declared: str) -> str:
    return next((kind for part, kind in _KINDS if part in declared), "text")


def _statement(table: str, columns: list[str]) -> str:
    fields = " || ',' || ".join(map(_field, columns))
    return f"SELECT {fields} || char(10) FROM {quoted(table)} LIMIT ?"


def _field(column: str) -> str:
    """A value in quotes; nothing for NULL. A real number is written by Python: SQLite rounds the last of 17 digits."""
    name = quoted(column)
    value = f"CASE typeof({name}) WHEN 'real' THEN shortest({name}) WHEN 'blob' THEN hex({name}) ELSE {name} END"
    return f"""coalesce('"' || replace({value}, '"', '""') || '"', '')"""
