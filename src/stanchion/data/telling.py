"""When whoever caches is told of a write: after its commit, before the writer's answer.

A write whose end nobody saw (its caller has left, its deadline has passed, the connection is gone) may take effect a
moment later, when a reader may have put the old value back. It is told of twice: at once, and when that moment is over.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from contextvars import Context
from typing import Any, Protocol, TypeVar

from stanchion.data.driver import Driver, Insertion, Rows
from stanchion.data.failures import ConstraintViolated, DatabaseBusy
from stanchion.data.tags import TableTags

R = TypeVar("R")
Tell = Callable[..., Awaitable[None]]
"""`app.invalidate`: takes tags."""
_NOTICED = 2.0
"""Seconds by which PostgreSQL has ended what it was to cancel, or seen that the connection is closed: at most 1.5."""


class Writes(Protocol):
    """What has to know of each statement."""

    def around(self, statement: str, values: Sequence[Any], work: Awaitable[R]) -> Awaitable[R]:
        """To be awaited in place of `work`, which is the statement's run."""


class Telling:
    """Of one database, whose statements each take effect by themselves."""

    def __init__(self, driver: Driver, tags: TableTags) -> None:
        self.to: Tell | None = None
        """Who is told; without an app nobody is."""
        self._driver = driver
        self._tags = tags
        self._unsure: set[str] = set()
        self._again: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Telling of {self._tags!r}>"

    def around(self, statement: str, values: Sequence[Any], work: Awaitable[R]) -> Awaitable[R]:
        """See `Writes`."""
        tags = self._tags.written(statement, values)
        return self._told(tags, work) if tags else work

    async def insert(self, rows: Sequence[Insertion]) -> Sequence[Rows | Exception]:
        """The driver's `insert`, told of once for all rows."""
        statements = {row.statement for row in rows}
        touched = set().union(*(self._tags.written(statement, ()) for statement in statements))
        if not touched:
            return await self._driver.insert(rows)
        try:
            outcomes = await self._driver.insert(rows)
        except BaseException as error:
            self.unsure(touched, error)
            raise
        each = (self._tags.inserted(row.statement, [outcome]) for row, outcome in zip(rows, outcomes, strict=True))
        await self.tell(set().union(*each))
        return outcomes

    async def tell(self, tags: set[str]) -> None:
        """Tell of what has taken effect."""
        if tags and self.to is not None:
            await self.to(*tags)

    async def tell_everything(self) -> None:
        """Tell that any table may have been written to."""
        await self.tell(self._tags.everything())

    def unsure(self, tags: set[str], error: BaseException) -> None:
        """Tell of what may have taken effect, or may still, since it has ended with this error."""
        if isinstance(error, ConstraintViolated | DatabaseBusy) or not tags:
            return
        self._unsure |= tags
        if self._again is None or self._again.done():
            self._again = asyncio.get_running_loop().create_task(self._tell_twice(), context=Context())

    async def close(self) -> None:
        """Tell what is left, now that the database is closed."""
        if self._again is not None and not self._again.done():
            self._again.cancel()
            await asyncio.wait({self._again})
        await self.tell(self._unsure)

    async def _told(self, tags: set[str], work: Awaitable[R]) -> R:
        try:
            result = await work
        except BaseException as error:
            self.unsure(tags, error)
            raise
        await self.tell(tags)
        return result

    async def _tell_twice(self) -> None:
        while self._unsure:
            tags = set(self._unsure)
            await self.tell(tags)
            await asyncio.sleep(_NOTICED)
            with suppress(Exception):  # SQLite's one writer does it after what was there before
                await self._driver.execute("SELECT 1", ())
            await self.tell(tags)
            self._unsure -= tags


class Collecting:
    """Of one transaction, whose statements take effect with its commit. See `Writes`."""

    def __init__(self, tags: TableTags) -> None:
        self.tags: set[str] = set()
        """Of what was written."""
        self._tags = tags

    def around(self, statement: str, values: Sequence[Any], work: Awaitable[R]) -> Awaitable[R]:
        """See `Writes`."""
        self.tags |= self._tags.written(statement, values)
        return work
