"""SQLAlchemy's side of the connections that a driver lends: it keeps none of its own."""

from contextvars import ContextVar
from typing import Any

from sqlalchemy.pool import ConnectionPoolEntry, Pool
from sqlalchemy.util import await_only

from stanchion.data.failures import DatabaseUnavailable
from stanchion.data.lending import Connection, Lender
from stanchion.data.statements.recorder import Recorder
from stanchion.offload.places import waited

BROKEN = "stanchion-broken"
"""In the `record_info` of a connection: the exception that has ended a statement on it."""
WRITTEN = "stanchion-written"
"""There too: the set of tags that its session's writes make invalid."""
_taken: ContextVar[Connection] = ContextVar("stanchion-taken")


class LentPool(Pool):
    """Remembers what SQLAlchemy has made of a connection, prepared statements with it, for as long as that lives."""

    def __init__(self, lender: Lender, recorder: Recorder) -> None:
        super().__init__(self._connect)
        self._lender = lender
        self._recorder = recorder
        self._entries: dict[Connection, ConnectionPoolEntry] = {}
        self._lent: dict[ConnectionPoolEntry, Connection] = {}

    def __repr__(self) -> str:
        return f"<LentPool {self.status()}>"

    def statistics(self) -> dict[str, int]:
        """Connections that sessions have now, and those that are set up for them."""
        return {"in_use": len(self._lent), "set_up": len(self._entries)}

    def status(self) -> str:
        """In words."""
        return f"{len(self._lent)} in use, of {self._lender!r}"

    def dispose(self) -> None:
        """Have all connections be set up anew. They belong to the driver, which closes them."""
        self._entries.clear()

    def recreate(self) -> "LentPool":
        """Itself, since it keeps nothing."""
        return self

    def _connect(self) -> Any:
        module: Any = self._dialect.dbapi  # type: ignore[union-attr]
        return module.connect(async_creator_fn=self._given, **self._lender.options)

    async def _given(self) -> Connection:
        connection = _taken.get()
        if self._lender.is_closed(connection):  # whoever had it before has marked it, and SQLAlchemy has closed it
            raise DatabaseUnavailable("a connection to the database was invalidated")
        return connection

    def _do_get(self) -> ConnectionPoolEntry:
        connection = self._take()
        _taken.set(connection)
        entry = self._entries.get(connection)
        if entry is None:
            self._forget_closed()
            try:
                entry = self._create_connection()
            except BaseException as error:
                self._lender.give_back(connection, error)
                raise
            self._entries[connection] = entry
        self._lent[entry] = connection
        return entry

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        connection = self._lent.pop(record)
        info = record.record_info or {}
        info.pop(WRITTEN, None)
        error = info.pop(BROKEN, None)
        if record.dbapi_connection is None:  # SQLAlchemy has closed it
            self._entries.pop(connection, None)
        self._lender.give_back(connection, error)

    def _take(self) -> Connection:
        before = waited.get()
        try:
            connection = await_only(self._lender.take())
        except BaseException as error:
            self._recorder.refused(error)
            raise
        self._recorder.waited(waited.get() - before)
        return connection

    def _forget_closed(self) -> None:
        for connection in [each for each in self._entries if self._lender.is_closed(each)]:
            del self._entries[connection]
