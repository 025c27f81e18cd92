"""What limits and caches have in common on the way to a Redis or Valkey: the driver, and the time of a call."""

import asyncio
import re
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, TypeVar

from stanchion.errors import ConfigurationError

if TYPE_CHECKING:
    from redis.asyncio import ConnectionPool

T = TypeVar("T")
_LATE = 0.01
"""Seconds that this process's own loop may be late before a time-out is its own fault: then the reply, which may be
there already, gets half the time once more. A crowd that arrives at once is what holds a loop."""


def redacted(url: str) -> str:
    """The URL without user and password."""
    return re.sub("//.*@", "//***@", url)


def connections(url: str, shown: str) -> tuple["ConnectionPool", tuple[type[Exception], ...], type[Exception]]:
    """What makes connections to a `redis…` URL, what may go wrong with them, and which of that is a server without the
    script it was asked for. `shown` names the URL in errors.

    Raises:
        ConfigurationError: the driver is missing, or the URL is none.
    """
    try:
        from redis.asyncio import ConnectionPool
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
        from redis.exceptions import NoScriptError, RedisError
    except ImportError:
        raise ConfigurationError(f"{shown} needs the driver: pip install 'stanchion[redis]'") from None
    options: dict[str, Any] = {
        "socket_timeout": None,  # a call is bounded as a whole, by `in_time`
        "socket_connect_timeout": None,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
    }
    try:
        pool = ConnectionPool.from_url(url, **options)
    except ValueError as error:
        raise ConfigurationError(f"{shown}: {error}; give a URL such as redis://localhost:6379/0") from None
    return pool, (RedisError, OSError, ValueError), NoScriptError


async def in_time(call: Awaitable[T], timeout: float) -> T:
    """What `call` returns, within `timeout` seconds, and somewhat later if it was this process that had no time.

    Raises:
        TimeoutError: it has not returned; it is cancelled.
    """
    bound = _Bound(timeout)
    try:
        return await call
    except asyncio.CancelledError:
        if not bound.expired or bound.task.uncancel():
            raise
        raise TimeoutError(f"no answer within {timeout * 1000:g} ms") from None
    finally:
        bound.timer.cancel()


class _Bound:
    """Cancels the running task. `asyncio.timeout` would do, and costs 2 µs more."""

    __slots__ = ("due", "expired", "late", "loop", "task", "timeout", "timer")

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self.loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None  # a call always runs in one
        self.task = task
        self.expired = self.late = False
        self.due = self.loop.time() + timeout
        self.timer = self.loop.call_at(self.due, self.expire)

    def expire(self) -> None:
        if not self.late and self.loop.time() - self.due > _LATE:
            self.late = True
            self.timer = self.loop.call_later(self.timeout / 2, self.expire)
            return
        self.expired = True
        self.task.cancel()
