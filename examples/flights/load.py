"""Fill the database: `python -m examples.flights.load`, under ten seconds, once."""

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from examples.flights.filling import fill_postgresql, fill_sqlite
from examples.flights.source import Row, Table, rows
from stanchion.errors import ConfigurationError

_SQLITE = "sqlite:///"
_FILE = "flights-2.db"
"""The number is the schema's."""
_WIDTH = 40  # of the progress bar, in characters


def database_url() -> str:
    """Where the data is: what the environment's FLIGHTS_DATABASE says, `postgresql://…` or `sqlite:///…`, else a file
    in `data/` beside this one."""
    if url := os.environ.get("FLIGHTS_DATABASE"):
        return url
    directory = Path(__file__).parent.resolve() / "data"
    directory.mkdir(exist_ok=True)
    return f"{_SQLITE}{directory / _FILE}"


async def load(url: str) -> None:
    """Fill the database at `url`, unless it is filled.

    Raises:
        ConfigurationError: the data package is not installed.
    """
    if url.startswith(_SQLITE):
        await asyncio.to_thread(fill_sqlite, url.removeprefix(_SQLITE), _shown)
    else:
        await fill_postgresql(url, _shown)


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
    """Load, and say how long it took."""
    started = time.perf_counter()
    try:
        asyncio.run(load(database_url()))
    except ConfigurationError as error:
        sys.exit(f"flights: {error}")
    print(f"filled in {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
