"""Who holds the one writer: a task that asks for it inside of its own transaction would wait for itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from stanchion.errors import ConfigurationError


class _Holding:
    __slots__ = ("before", "of", "over")

    def __init__(self, of: object, before: "_Holding | None") -> None:
        self.of = of
        self.before = before
        self.over = False


_holding: ContextVar[_Holding | None] = ContextVar("stanchion-holding", default=None)
"""The innermost of the running task, or of the task that has begun it."""


@contextmanager
def holding(of: object) -> Iterator[None]:
    """The block has the writer of this database."""
    held = _Holding(of, _holding.get())
    _holding.set(held)
    try:
        yield
    finally:
        held.over = True  # for tasks that the block has begun, and that outlive it
        _holding.set(held.before)


def refuse_itself(of: object) -> None:
    """Return if the running task may wait for the writer of this database.

    Raises:
        ConfigurationError: it has the writer already.
    """
    held = _holding.get()
    while held is not None:
        if held.of is of and not held.over:
            raise ConfigurationError(
                "a write by the database inside one of its transactions waits for that transaction's end: "
                "SQLite has one writer; write by what `async with db.transaction() as tx` gives, such as tx.execute"
            )
        held = held.before
