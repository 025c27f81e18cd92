"""What a handler asks: `reports = app.analytics(database=db, tables=["flights"])`.

delays = await reports.all(Delay, "SELECT dest, avg(arr_delay) AS delay FROM flights WHERE month = $1 GROUP BY dest", 7)
"""

import asyncio
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from stanchion.data.analytics.copies import Copies, InProcess
from stanchion.data.analytics.duck import Answer, Budget, Question, Refusal, View, ask
from stanchion.data.analytics.options import AnalyticsOptions
from stanchion.data.failures import AnalyticsBusy, AnalyticsTimeout
from stanchion.data.limits import Limits
from stanchion.data.rows import reader
from stanchion.errors import ConfigurationError
from stanchion.offload.places import Places
from stanchion.telemetry.tallies import BulkheadCell

T = TypeVar("T")

_READERS: Mapping[str, Any] = {
    ".parquet": "read_parquet",
    ".csv": "read_csv",
    ".tsv": "read_csv",
    ".json": "read_json",
    ".jsonl": "read_json",
    ".ndjson": "read_json",
}


class Analytics:
    """Queries of one app over copies of tables and over files, in one worker; safe to use from many tasks at once."""

    def __init__(self, name: str, copies: Copies, files: tuple[View, ...], options: AnalyticsOptions) -> None:
        """`files` are what there is beside the copies.

        Raises:
            ConfigurationError: DuckDB is missing, or two tables have one name.
        """
        if find_spec("duckdb") is None:
            raise ConfigurationError("analytics need DuckDB; install stanchion[duckdb]")
        names = [*copies.names, *(view.name for view in files)]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ConfigurationError(f"analytics have two tables of the name {twice!r}; give each a name of its own")
        self.name = name
        self.counts = [0] * len(BulkheadCell)
        """By `BulkheadCell`."""
        self._copies = copies
        self._files = files
        self._options = options
        self._limits = Limits(waiting=options.waiting, patience=options.timeout)
        self._places = Places(options.concurrency, options.waiting)
        self._in_process: InProcess | None = None
        self._late = self._refused = 0

    def __repr__(self) -> str:
        return f"<Analytics {self.name}: {self._places!r}, {self._copies!r}>"

    def statistics(self) -> dict[str, int]:
        """Queries at work and waiting; since the start, those that were too late and those that were too large; copies
        of tables."""
        return {
            "in_use": self._places.taken,
            "waiting": self._places.waiting,
            "late": self._late,
            "too_large": self._refused,
            **self._copies.statistics(),
        }

    async def all(self, kind: type[T], statement: str, *values: Any) -> list[T]:
        """All rows of a query in DuckDB's SQL, with `$1` parameters; `kind` is a Struct, by the names of its fields, or
        a type for one column.

        Raises:
            AnalyticsBusy, AnalyticsTimeout, AnalyticsMemory, AnalyticsTooLarge: see `failures`; and what the database
                raises where a table has to be copied.
            QueryError: there is a mistake in it.
            ConfigurationError: the app is not being served.
        """
        answer = await self._answer(statement, values)
        if not answer.rows:
            return []
        make = reader(kind, answer.columns, frozenset())
        return [make(row) for row in answer.rows]

    async def one(self, kind: type[T], statement: str, *values: Any) -> T | None:
        """The first row, or None where there is none."""
        found = await self.all(kind, statement, *values)
        return found[0] if found else None

    def open(self, in_process: InProcess) -> None:
        """Use the processes of the app."""
        self._in_process = in_process

    async def close(self) -> None:
        """Remove the copies."""
        await self._copies.close()

    async def _answer(self, statement: str, values: tuple[Any, ...]) -> Answer:
        if self._in_process is None:
            raise ConfigurationError("analytics were asked before the app started; ask in a handler or a lifespan")
        if not await self._places.enter(self._limits.patience_now()):
            self.counts[BulkheadCell.REFUSED] += 1
            raise AnalyticsBusy(self._places.size)
        self.counts[BulkheadCell.SERVED] += 1
        try:
            async with asyncio.timeout(self._limits.patience_now()), self._copies.used(self._in_process) as tables:
                budget = Budget(self._options.memory_bytes, self._options.threads)
                question = Question(statement, values, (*tables, *self._files), budget, self._options.largest)
                outcome: Answer | Refusal = await self._in_process(ask, question)
        except TimeoutError:
            self._late += 1
            raise AnalyticsTimeout from None
        finally:
            self._places.leave()
        if isinstance(outcome, Refusal):
            self._refused += 1
            raise outcome.failure()
        return outcome


def file_view(name: str, pattern: str | Path) -> View:
    """Files as a table, read as the end of their names says.

    Raises:
        ConfigurationError: it says nothing that is known.
    """
    path = Path(pattern)
    suffix = path.suffixes[-2] if path.suffix in (".gz", ".zst") and len(path.suffixes) > 1 else path.suffix
    if suffix not in _READERS:
        raise ConfigurationError(f"analytics(files={{{name!r}: {str(pattern)!r}}}): expected {', '.join(_READERS)}")
    return View(name, str(path), _READERS[suffix])
