"""asyncpg's connections for another library. See `Lender`."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from stanchion.data.limits import Limits
from stanchion.data.postgres.pool import Connection, Connections
from stanchion.errors import StanchionError


class PostgresLender:
    """Lends connections of a kind of their own: a library sets codecs on them that would change others' values."""

    dialect = "postgresql+asyncpg"

    def __init__(self, connections: Connections, limits: Limits, *, prepared: bool) -> None:
        self.limits = limits
        self.options: Mapping[str, Any] = {} if prepared else _UNPREPARED
        self._connections = connections
        self._shelf = connections.shelf()

    def __repr__(self) -> str:
        return f"<PostgresLender of {self._connections!r}>"

    async def take(self) -> Connection:
        """See `Lender`."""
        return await self._connections.take(self._shelf)

    def give_back(self, connection: Connection, error: BaseException | None = None) -> None:
        """See `Lender`."""
        self._connections.give_back(connection, error)

    def is_closed(self, connection: Connection) -> bool:
        """See `Lender`."""
        closed: bool = connection.is_closed()
        return closed

    def before(self, connection: Connection, statement: str) -> str | None:
        """See `Lender`."""
        return None

    async def interrupt(self, connection: Connection) -> None:
        """See `Lender`: asyncpg asks the server to cancel it."""

    def failure(self, error: BaseException) -> Exception | None:
        """See `Lender`."""
        try:
            with self._connections.translated():
                raise error
        except StanchionError as failure:
            return failure
        except BaseException:
            return None


def _name() -> str:
    return f"stanchion_{uuid4().hex}"


_UNPREPARED: Mapping[str, Any] = {"prepared_statement_cache_size": 0, "prepared_statement_name_func": _name}
"""Through PgBouncer in transaction mode: a name that another client has not given to the same server connection."""
