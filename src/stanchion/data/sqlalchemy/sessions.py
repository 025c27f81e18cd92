"""SQLAlchemy's sessions: `sessions = db.sqlalchemy()`.

async with sessions() as session:            # closed at the end, whatever it is in the middle of
    book = await session.get(Book, 7)
async with sessions.begin() as session:      # and committed, if the block does not raise
    session.add(Book(title="Emma"))
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session, SessionTransaction
from sqlalchemy.util import await_only

from stanchion.data.lending import Lender
from stanchion.data.sqlalchemy.pool import WRITTEN, LentPool
from stanchion.data.sqlalchemy.statements import Running
from stanchion.data.statements.recorder import Recorder
from stanchion.data.tags import TableTags
from stanchion.data.telling import Telling


class Sessions:
    """Of one database, on its connections; safe to use from many tasks at once, a session in one of them."""

    engine: AsyncEngine
    """For `metadata.create_all` and the like. Errors that leave it are SQLAlchemy's."""

    def __init__(self, lender: Lender, recorder: Recorder, telling: Telling, tags: TableTags) -> None:
        self._lender = lender
        self._telling = telling
        self._pool = LentPool(lender, recorder)
        self.engine = create_async_engine(f"{lender.dialect}://", pool=self._pool)
        Running(lender, recorder, tags).listen(self.engine.sync_engine)

        class Telltale(Session):
            """A class of its own, for events that are of these sessions alone."""

        event.listen(Telltale, "after_begin", _collect)
        event.listen(Telltale, "after_commit", self._tell)
        self._made = async_sessionmaker(self.engine, sync_session_class=Telltale, expire_on_commit=False)

    def __repr__(self) -> str:
        return f"<Sessions {self._pool.status()}>"

    def statistics(self) -> dict[str, int]:
        """See `LentPool.statistics`; waits and statements are the database's own."""
        return self._pool.statistics()

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[AsyncSession]:
        """A session for as long as the block lasts. What it reads stays readable after a commit.

        Raises:
            DatabaseUnavailable, DatabaseBusy, DatabaseTimeout, ConstraintViolated: see `failures`. In the block the
                first and the last are SQLAlchemy's, such as its IntegrityError.
        """
        session = self._made(info={WRITTEN: set()})
        try:
            async with session:
                yield session
        except BaseException as error:
            failure = self._lender.failure(_cause(error)) if isinstance(error, DBAPIError) else None
            self._telling.unsure(session.info[WRITTEN], failure or error)
            if failure is None:
                raise
            raise failure from error

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """As a call, and a commit at the end of the block.

        Raises:
            DatabaseUnavailable, DatabaseBusy, DatabaseTimeout, ConstraintViolated: as a call.
        """
        async with self() as session, session.begin():
            yield session

    def _tell(self, session: Session) -> None:
        tags: set[str] = session.info[WRITTEN]
        if tags:
            await_only(self._telling.tell(set(tags)))
            tags.clear()


def _collect(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    info = connection.connection.record_info
    assert info is not None
    info[WRITTEN] = session.info[WRITTEN]


def _cause(error: DBAPIError) -> BaseException:
    """What the driver has raised: asyncpg's is the cause of what SQLAlchemy takes for the driver's."""
    assert error.orig is not None
    return error.orig.__cause__ or error.orig
