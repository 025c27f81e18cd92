"""The primary's connections for another library, whichever server is the primary. See `Lender`."""

from collections.abc import Callable, Mapping
from typing import Any

from stanchion.data.lending import Connection, Lender
from stanchion.data.limits import Limits


class PrimaryLender:
    """Lends the connections of one server until another is the primary."""

    def __init__(self, primary: Callable[[], Lender], writes: Callable[[], None]) -> None:
        """`primary` is the lender of the primary as it stands; `writes` is told of whoever may write."""
        self._primary = primary
        self._writes = writes
        self._of: dict[Connection, Lender] = {}  # those that are out, by whose they are

    def __repr__(self) -> str:
        return f"<PrimaryLender {self._primary()!r}>"

    @property
    def dialect(self) -> str:
        """See `Lender`."""
        return self._primary().dialect

    @property
    def limits(self) -> Limits:
        """See `Lender`."""
        return self._primary().limits

    @property
    def options(self) -> Mapping[str, Any]:
        """See `Lender`."""
        return self._primary().options

    async def take(self) -> Connection:
        """See `Lender`."""
        self._writes()
        primary = self._primary()
        connection = await primary.take()
        self._of[connection] = primary
        return connection

    def give_back(self, connection: Connection, error: BaseException | None = None) -> None:
        """See `Lender`."""
        self._of.pop(connection).give_back(connection, error)

    def is_closed(self, connection: Connection) -> bool:
        """See `Lender`."""
        return self._primary().is_closed(connection)

    def before(self, connection: Connection, statement: str) -> str | None:
        """See `Lender`."""
        return self._primary().before(connection, statement)

    async def interrupt(self, connection: Connection) -> None:
        """See `Lender`."""
        await self._primary().interrupt(connection)

    def failure(self, error: BaseException) -> Exception | None:
        """See `Lender`."""
        return self._primary().failure(error)
