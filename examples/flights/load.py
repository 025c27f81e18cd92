"""Make the database: `python -m examples.flights.load`, under ten seconds, once.

It is built under another name and renamed when complete, so a database that exists is whole. A lock lets many
workers start at once and one of them load.
"""

import fcntl
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from examples.flights.source import TABLES, Row, Table, rows
from stanchion import ConfigurationError

FLIGHTS = "flights-1.db"
"""The number is the schema's; raise it and the database is built anew."""

_HERE = Path(__file__).parent
_WIDTH = 40  # of the progress bar, in characters


def data_directory() -> Path:
    """Where the databases live: the environment's FLIGHTS_DATA, else `data/` beside this file."""
    return Path(os.environ.get("FLIGHTS_DATA") or _HERE / "data").resolve()


def load(directory: Path) -> Path:
    """Make the database in `directory` unless it is there; returns its path.

    Raises:
        ConfigurationError: the data package is not installed.
    """
    path = directory / FLIGHTS
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True)
        with _lock(directory / "load.lock"):
            if not path.exists():  # another worker may have made it meanwhile
                _build(path)
    return path


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Held by one process at a time; the kernel lets go of it should that process die."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(path: Path) -> None:
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with closing(sqlite3.connect(draft, isolation_level=None)) as database:
        database.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")  # a draft may be lost
        database.executescript((_HERE / "schema.sql").read_text())
        for table in TABLES:
            _fill(database, table)
        database.executescript((_HERE / "indexes.sql").read_text())
        database.execute("PRAGMA journal_mode = WAL")
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.rename(path)


def _fill(database: sqlite3.Connection, table: Table) -> None:
    columns = len(database.execute(f"PRAGMA table_info({table.name})").fetchall())
    places = ", ".join("?" * columns)
    database.execute("BEGIN")
    added = database.executemany(f"INSERT INTO {table.name} VALUES ({places})", _shown(table)).rowcount
    database.execute("COMMIT")
    if added != table.size:
        raise ValueError(f"{table.file} has {added} rows where {table.size} belong")


def _shown(table: Table) -> Iterator[Row]:
    """The table's rows, with a progress bar on a terminal and nothing elsewhere."""
    watched = sys.stderr.isatty()
    step = max(table.size // _WIDTH, 1)
    for count, row in enumerate(rows(table), start=1):
        yield row
        if watched and count % step == 0:
            bar = "█" * (count * _WIDTH // table.size)
            print(f"\r{table.name:9}{bar:·<{_WIDTH}}{count:9,}", end="", file=sys.stderr, flush=True)
    if watched:
        print(file=sys.stderr)


def main() -> None:
    """Load, and say where and how long it took."""
    started = time.perf_counter()
    try:
        path = load(data_directory())
    except ConfigurationError as error:
        sys.exit(f"flights: {error}")
    size = path.stat().st_size / 1e6
    print(f"{path}: {size:.0f} MB, {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
