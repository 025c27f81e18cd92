"""The tables of a database as Parquet files: no older than was declared, and each made once for all who wait."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import Context
from pathlib import Path
from time import monotonic
from typing import Any

from stanchion.data.analytics.duck import Budget, QueryError, Refusal, View
from stanchion.data.analytics.folder import Folder
from stanchion.data.analytics.options import AnalyticsOptions
from stanchion.data.analytics.packing import Packing, pack
from stanchion.data.driver import Exported, Unreadable
from stanchion.data.failures import AnalyticsTimeout
from stanchion.deadline import shorten

InProcess = Callable[..., Awaitable[Any]]
"""Calls a function of a module in a process; see `offload.processes`."""
Export = Callable[[str, str, int], Awaitable[Exported]]
"""See `Driver.export`."""


class Copy:
    """A table's file. It is removed when another has taken its place and no query reads it any more."""

    def __init__(self, path: Path, began: float) -> None:
        self.began = began
        """When its making began, in seconds of `monotonic()`: it has all that was written before."""
        self._path = path
        self._users = 1  # whoever keeps it for the next query

    def __repr__(self) -> str:
        return f"<Copy {self._path.name}, {self._users} users>"

    @asynccontextmanager
    async def used(self) -> AsyncIterator[str]:
        """Its path, at which it stays for as long as the block lasts."""
        self._users += 1
        try:
            yield str(self._path)
        finally:
            self.leave()

    def leave(self) -> None:
        """One user less."""
        self._users -= 1
        if not self._users:
            self._path.unlink(missing_ok=True)


class Copies:
    """Those of one worker, made when a query needs them."""

    def __init__(self, export: Export | None, tables: Sequence[str], options: AnalyticsOptions) -> None:
        self._export = export
        self._tables = tuple((table.rpartition(".")[2], table) for table in tables)
        self.names = tuple(name for name, _ in self._tables)
        """Those that queries see: without a schema."""
        self._options = options
        self._folder: Folder | None = None
        self._copies: dict[str, Copy] = {}
        self._making: dict[str, asyncio.Task[None]] = {}
        self._made = 0

    def __repr__(self) -> str:
        return f"<Copies {', '.join(map(str, self._copies.values())) or 'none'}>"

    def statistics(self) -> dict[str, int]:
        """Copies that were made since the start, and that are being made."""
        return {"copied": self._made, "copying": len(self._making)}

    @asynccontextmanager
    async def used(self, in_process: InProcess) -> AsyncIterator[list[View]]:
        """All tables as views, for as long as the block lasts.

        Raises:
            AnalyticsMemory, AnalyticsTooLarge, AnalyticsTimeout: see `failures`; and what the database raises.
            QueryError: there is no such table, or it has values that are none of their column's type.
        """
        async with AsyncExitStack() as stack:
            views = []
            for name, table in self._tables:
                copy = await self._fresh(table, in_process)
                views.append(View(name, await stack.enter_async_context(copy.used())))
            yield views

    async def close(self) -> None:
        """End what is under way, and remove all files."""
        for task in self._making.values():
            task.cancel()
        if self._making:
            await asyncio.wait(self._making.values())
        self._copies.clear()
        if self._folder is not None:
            self._folder.close()
            self._folder = None

    async def _fresh(self, table: str, in_process: InProcess) -> Copy:
        oldest = monotonic() - self._options.max_age
        while (copy := self._copies.get(table)) is None or copy.began < oldest:
            making = self._making.get(table)
            if making is None:
                making = asyncio.create_task(self._make(table, in_process), context=Context())
                self._making[table] = making
                making.add_done_callback(lambda task: self._ended(table, task))
            await asyncio.shield(making)  # one that began too early is not enough, and the next is
        return copy

    def _ended(self, table: str, task: asyncio.Task[None]) -> None:
        del self._making[table]
        if not task.cancelled():
            task.exception()  # who has waited for it has got it

    async def _make(self, table: str, in_process: InProcess) -> None:
        """Within a time of its own: it is for whoever asks next as well."""
        assert self._export is not None
        began = monotonic()
        timeout, most = self._options.timeout, self._options.largest_table
        self._folder = self._folder or Folder()
        self._made += 1
        path = self._folder.path / f"{self._made}.parquet"
        csv = f"{path}.csv"
        copy = None
        try:
            shorten(began + timeout)
            async with asyncio.timeout(timeout):
                exported = await self._export(table, csv, most + 1)
                budget = Budget(self._options.memory_bytes, self._options.threads)
                outcome = await in_process(pack, Packing(exported, csv, str(path), most, budget))
            if isinstance(outcome, Refusal):
                raise outcome.failure()
            copy = Copy(path, began)
        except TimeoutError:
            raise AnalyticsTimeout from None
        except Unreadable as error:
            raise QueryError(str(error)) from None
        finally:
            for left in (Path(csv), *(() if copy else (path,))):
                left.unlink(missing_ok=True)
        old = self._copies.get(table)
        self._copies[table] = copy
        if old is not None:
            old.leave()
