"""Connections that a driver lends to another library, beside its own and within the same number."""

from collections.abc import Mapping
from typing import Any, Protocol

from stanchion.data.limits import Limits

Connection = Any
"""What the library's own driver has for one: asyncpg's, aiosqlite's."""


class Lender(Protocol):
    """Of one database. What is set on its connections is nobody else's."""

    @property
    def dialect(self) -> str:
        """Database and driver, as SQLAlchemy names them."""

    @property
    def limits(self) -> Limits:
        """Those of the driver."""

    @property
    def options(self) -> Mapping[str, Any]:
        """What SQLAlchemy's side of a connection is made with."""

    async def take(self) -> Connection:
        """One that is to be given back.

        Raises:
            DatabaseBusy, DatabaseUnavailable: see `failures`.
        """

    def give_back(self, connection: Connection, error: BaseException | None = None) -> None:
        """Give it to others, whatever it is in the middle of; `error` has ended a statement that may still run."""

    def is_closed(self, connection: Connection) -> bool:
        """Whether it is of no more use."""

    def before(self, connection: Connection, statement: str) -> str | None:
        """What has to run on the connection first, so that the statement ends by the running request's deadline."""

    async def interrupt(self, connection: Connection) -> None:
        """End the statement that was not waited for, where that does not happen by itself."""

    def failure(self, error: BaseException) -> Exception | None:
        """Which of `failures` an exception of the driver is; None where it is none of them."""
