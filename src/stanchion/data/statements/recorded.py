"""A driver whose statements are recorded: 1.3 µs each, where the quickest takes 60."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import monotonic
from types import TracebackType
from typing import Any

from stanchion.data.budget import Capacity
from stanchion.data.driver import Driver, Exported, Found, Insertion, Lookup, Rows, Statements
from stanchion.data.statements.asking import asking
from stanchion.data.statements.recorder import Entry, Recorder
from stanchion.data.statements.spans import Run, record, record_begin
from stanchion.offload.places import waited
from stanchion.telemetry.spans import current


class RecordedStatements:
    """A driver's or a transaction's statements. See `Statements`."""

    def __init__(self, statements: Statements, recorder: Recorder) -> None:
        self._statements = statements
        self._recorder = recorder

    def __repr__(self) -> str:
        return repr(self._statements)

    async def fetch(self, statement: str, values: Sequence[Any], *, first: bool = False) -> Rows:
        """See `Statements`."""
        with _Run(self._recorder, statement) as run:
            found = await self._statements.fetch(statement, values, first=first)
            run.rows = len(found.rows)
            return found

    async def execute(self, statement: str, values: Sequence[Any]) -> int:
        """See `Statements`."""
        with _Run(self._recorder, statement) as run:
            run.rows = await self._statements.execute(statement, values)
            return run.rows

    async def stream(self, statement: str, values: Sequence[Any]) -> AsyncGenerator[Rows, None]:
        """See `Statements`: its time is that until the end, the reader's own with it."""
        with _Run(self._recorder, statement) as run:
            async for part in self._statements.stream(statement, values):
                run.rows += len(part.rows)
                yield part


class Recorded(RecordedStatements):
    """See `Driver`."""

    def __init__(self, driver: Driver, recorder: Recorder) -> None:
        super().__init__(driver, recorder)
        self._driver = driver
        self.native = driver.native
        self.batches = driver.batches
        self.remote = driver.remote
        self.place = driver.place
        self.writes = driver.writes
        self.lender = driver.lender

    async def open(self, connections: int) -> None:
        """See `Driver`."""
        await self._driver.open(connections)

    def resize(self, connections: int) -> None:
        """See `Driver`."""
        self._driver.resize(connections)

    async def capacity(self) -> Capacity | None:
        """See `Driver`."""
        return await self._driver.capacity()

    async def close(self) -> None:
        """See `Driver`."""
        await self._driver.close()

    async def check(self) -> None:
        """See `Driver`."""
        await self._driver.check()

    async def look_up(self, lookup: Lookup, keys: Sequence[Any]) -> Found:
        """See `Driver`."""
        with _Run(self._recorder, lookup.one, len(keys)) as run:
            self._recorder.batched()
            found = await self._driver.look_up(lookup, keys)
            run.rows = len(keys) - found.rows.count(None)
            return found

    async def insert(self, rows: Sequence[Insertion]) -> Sequence[Rows | Exception]:
        """See `Driver`."""
        with _Run(self._recorder, rows[0].statement, len(rows)) as run:
            self._recorder.batched()
            outcomes = await self._driver.insert(rows)
            run.rows = sum(isinstance(outcome, Rows) for outcome in outcomes)
            return outcomes

    async def export(self, table: str, path: str, most: int) -> Exported:
        """See `Driver`."""
        return await self._driver.export(table, path, most)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Statements]:
        """See `Driver`."""
        asked, before = monotonic(), waited.get()
        began = False
        try:
            async with self._driver.transaction() as statements:
                began = True
                waiting = waited.get() - before
                self._recorder.waited(waiting)
                if spans := current.get():
                    record_begin(spans, self._recorder, Run(began=asked, waited=waiting))
                yield RecordedStatements(statements, self._recorder)
        except BaseException as error:
            if not began:
                self._recorder.refused(error)
                if spans := current.get():
                    record_begin(spans, self._recorder, Run(began=asked, waited=waited.get() - before, error=error))
            raise

    def statistics(self) -> dict[str, float]:
        """See `Driver`."""
        return self._driver.statistics()


class _Run:
    """One run of a statement, from its start to its end."""

    __slots__ = ("_batch", "_began", "_entry", "_recorder", "_waited", "rows")

    def __init__(self, recorder: Recorder, statement: str, batch: int = 1) -> None:
        self._recorder = recorder
        self._batch = batch
        self._entry: Entry = recorder.entry(statement)
        self.rows = 0

    def __enter__(self) -> "_Run":
        request = asking.get()
        if request is not None:
            request.alone(self._recorder, self._entry)
        self._waited = waited.get()
        self._began = monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        seconds = monotonic() - self._began
        waiting = waited.get() - self._waited
        if error is None:
            self._recorder.ran(self._entry, self.rows, seconds, waiting)
        else:
            self._recorder.failed(self._entry, error, seconds, waiting)
        if spans := current.get():
            run = Run(began=self._began, waited=waiting, rows=self.rows, batch=self._batch, error=error)
            record(spans, self._recorder, self._entry, run)
