"""SQLAlchemy's statements as this database's own: they end at the deadline, are recorded, and tell what they write."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from sqlalchemy import Engine, ExceptionContext, event
from sqlalchemy.util import await_only

from stanchion.data.failures import DatabaseTimeout
from stanchion.data.lending import Lender
from stanchion.data.sqlalchemy.pool import BROKEN, WRITTEN
from stanchion.data.statements.asking import asking
from stanchion.data.statements.recorder import Recorder
from stanchion.data.statements.spans import Run, record
from stanchion.data.tags import TableTags
from stanchion.telemetry.spans import current


class Running:
    """Runs every statement of an engine."""

    def __init__(self, lender: Lender, recorder: Recorder, tags: TableTags) -> None:
        self._lender = lender
        self._recorder = recorder
        self._tags = tags

    def listen(self, engine: Engine) -> None:
        """From now on."""
        event.listen(engine, "do_execute", self._execute)
        event.listen(engine, "do_execute_no_params", self._execute_plain)
        event.listen(engine, "do_executemany", self._execute_many)
        event.listen(engine, "handle_error", _alone)

    def _execute(self, cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
        values = parameters if isinstance(parameters, tuple) else ()
        self._run(lambda: cursor.execute(statement, parameters), cursor, statement, values, context)
        return True

    def _execute_plain(self, cursor: Any, statement: str, context: Any) -> bool:
        self._run(lambda: cursor.execute(statement), cursor, statement, (), context)
        return True

    def _execute_many(self, cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
        self._run(lambda: cursor.executemany(statement, parameters), cursor, statement, (), context)
        return True

    def _run(
        self, execute: Callable[[], Any], cursor: Any, statement: str, values: tuple[Any, ...], context: Any
    ) -> None:
        lent = context.root_connection.connection
        info = lent.record_info
        if WRITTEN in info:
            info[WRITTEN] |= self._tags.written(statement, values)
        with self._recorded(cursor, statement):
            try:
                with _within(self._lender.limits.patience_now()):
                    first = self._lender.before(lent.driver_connection, statement)
                    if first is not None:
                        await_only(lent.driver_connection.execute(first))
                    execute()
            except (TimeoutError, asyncio.CancelledError) as error:
                info[BROKEN] = error
                await_only(self._lender.interrupt(lent.driver_connection))
                if isinstance(error, TimeoutError):
                    raise DatabaseTimeout from error
                raise

    @contextmanager
    def _recorded(self, cursor: Any, statement: str) -> Iterator[None]:
        recorder = self._recorder
        entry = recorder.entry(statement)
        request = asking.get()
        if request is not None:
            request.alone(recorder, entry)
        began, rows, failure = monotonic(), 0, None
        try:
            yield
            rows = max(cursor.rowcount, 0)
            recorder.ran(entry, rows, monotonic() - began, 0.0)
        except BaseException as error:
            failure = self._lender.failure(error.__cause__ or error) or error
            recorder.failed(entry, failure, monotonic() - began, 0.0)
            raise
        finally:
            if spans := current.get():
                record(spans, recorder, entry, Run(began=began, waited=0.0, rows=rows, error=failure))


def _alone(context: ExceptionContext) -> None:
    """One that is lost says nothing of the others: whether they are closed is seen when they are taken."""
    context.invalidate_pool_on_disconnect = False


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """`asyncio.timeout`, in a function that SQLAlchemy runs for a task and that awaits without the word."""
    limit = asyncio.timeout(seconds)
    await_only(limit.__aenter__())
    try:
        yield
    except BaseException as error:
        await_only(limit.__aexit__(type(error), error, error.__traceback__))
        raise
    await_only(limit.__aexit__(None, None, None))
