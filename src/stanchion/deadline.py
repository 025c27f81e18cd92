"""One deadline a request, inherited by all that is done for it: `deadline.remaining()`.

It is a context variable, so tasks that a handler starts, and the pools it calls, see it as well. Outgoing calls should
take what remains as their time-out: work for a client that has given up is lost, and its dependencies pay for it too.
"""

from contextvars import ContextVar
from time import monotonic

_until: ContextVar[float | None] = ContextVar("stanchion-deadline", default=None)


def remaining() -> float | None:
    """Seconds until the running request's deadline, not below 0; None without one."""
    end = _until.get()
    return None if end is None else max(0.0, end - monotonic())


until = _until.get
"""The deadline itself, in seconds of `time.monotonic()`; None without one."""


def shorten(until: float) -> None:
    """Let the deadline of what runs in this context be `until`, unless it is earlier already."""
    now = _until.get()
    if now is None or until < now:
        _until.set(until)


def lift() -> None:
    """Let what runs in this context have no deadline: for work that others wait for as well, and that has its own."""
    _until.set(None)
