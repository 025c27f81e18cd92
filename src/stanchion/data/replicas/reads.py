"""Reads of one replica, and of the primary where it turns out that the replica cannot answer."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

from stanchion.data.driver import Rows
from stanchion.data.failures import DatabaseConflict, DatabaseReadOnly, DatabaseUnavailable
from stanchion.data.postgres.driver import Postgres
from stanchion.data.replicas.node import Node

T = TypeVar("T")


class Refused(Exception):
    """The statement writes, so no replica takes it: a function that it calls does, or it locks rows."""


class Replica:
    """Reads of one node; `primary` gives who answers in its stead."""

    def __init__(self, node: Node, primary: Callable[[], Postgres]) -> None:
        self.node = node
        self.served = self.passed_on = 0
        self._primary = primary

    def __repr__(self) -> str:
        return f"<Replica {self.node!r}: {self.served} reads, {self.passed_on} passed on>"

    async def answer(self, ask: Callable[[Postgres], Awaitable[T]]) -> T:
        """What `ask` gets from it.

        Raises:
            Refused: it writes.
        """
        try:
            with self.node.asked():
                answer = await ask(self.node.driver)
        except Exception as error:
            self._give_up(error)
        else:
            self.served += 1
            return answer
        return await ask(self._primary())

    async def stream(self, statement: str, values: Sequence[Any]) -> AsyncGenerator[Rows, None]:
        """See `Statements`. Once there were rows nobody else can go on.

        Raises:
            Refused: it writes.
        """
        begun = False
        try:
            async with aclosing(self.node.driver.stream(statement, values)) as parts:
                with self.node.asked():
                    async for part in parts:
                        begun = True
                        yield part
            self.served += 1
            return
        except Exception as error:
            self._give_up(error)
            if begun:
                raise DatabaseUnavailable("the replica ended a query that was in its way") from error
        async with aclosing(self._primary().stream(statement, values)) as parts:
            async for part in parts:
                yield part

    def _give_up(self, error: Exception) -> None:
        """Return if the primary is to be asked, else raise."""
        if isinstance(error, DatabaseReadOnly):
            raise Refused from error
        if isinstance(error, DatabaseUnavailable):
            self.node.answers = False  # until the next check says otherwise
        elif not isinstance(error, DatabaseConflict):  # with what it had to replay (PostgreSQL: hot standby)
            raise error
        self.passed_on += 1
