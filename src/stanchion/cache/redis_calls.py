"""One Redis or Valkey for what the cache's parts ask of it: each call bounded, and none while it does not answer.

After two failures in a row nothing is sent but one call in every quarter of a second, until that one is answered.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha1
from time import monotonic
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from stanchion.errors import ConfigurationError

if TYPE_CHECKING:
    from redis.asyncio import Redis

_log = logging.getLogger("stanchion.cache")

TIMEOUT = 0.05
"""Seconds of a call, with the connecting it may need."""
PROBE = 0.25
"""Seconds between two calls to a server that has failed."""
_LATE = 0.01
"""Seconds that this process's own loop may be late before a time-out is its own fault: then the reply, which may be
there already, gets half the time once more. A crowd that misses at once is what holds a loop."""
_CONNECTIONS = 8
"""Calls under way at one time. A thousand keys that miss at once would open a thousand connections."""
_FAILURES = 2


class StoreFailed(Exception):
    """There is no answer: the server is down, too slow, or was found so a moment ago."""


class Script(Struct, frozen=True):
    """A Lua script, known to a server by its digest once it has run there."""

    text: str

    @property
    def digest(self) -> str:
        return sha1(self.text.encode(), usedforsecurity=False).hexdigest()


class RedisCalls:
    """A worker's way to one server; connects when it is first asked."""

    def __init__(self, url: str, timeout: float = TIMEOUT, *, clock: Callable[[], float] = monotonic) -> None:
        """`timeout` in seconds.

        Raises:
            ConfigurationError: the driver is missing, or the URL is none.
        """
        self.client, self.errors, self._no_script = _driver(url)
        self.url = re.sub("//.*@", "//***@", url)
        self._execute: Callable[..., Awaitable[Any]] = self.client.execute_command
        self._timeout = timeout
        self._clock = clock
        self._places = asyncio.Semaphore(_CONNECTIONS)
        self._failures = 0
        self._shut_until = 0.0
        self._calls = self._failed = 0

    def __repr__(self) -> str:
        return f"<RedisCalls {self.url}, {'failing' if self.failing else 'answers'}>"

    def statistics(self) -> dict[str, int]:
        """Calls since the start, and those of them that failed."""
        return {"calls": self._calls, "failed": self._failed}

    @property
    def failing(self) -> bool:
        """Only one call in a quarter of a second is sent."""
        return self._failures >= _FAILURES

    async def call(self, *command: Any) -> Any:
        """The reply to a command, which is sent once and never again.

        Raises:
            StoreFailed: there was none in time. The server may have done it all the same.
        """
        return await self._bounded(self._execute, command)

    async def run(self, script: Script, keys: Sequence[Any], arguments: Sequence[Any]) -> Any:
        """The reply of a script.

        Raises:
            StoreFailed: as for `call`.
        """
        return await self._bounded(self._run, (script, len(keys), *keys, *arguments))

    async def _run(self, script: Script, *arguments: Any) -> Any:
        try:
            return await self._execute("EVALSHA", script.digest, *arguments)
        except self._no_script:  # the server is new, or has been restarted
            return await self._execute("EVAL", script.text, *arguments)

    async def _bounded(self, function: Callable[..., Awaitable[Any]], arguments: Sequence[Any]) -> Any:
        async with self._places:  # its time begins with the call: who waits for one that hangs finds it failing
            self._ask()
            try:
                reply = await self._in_time(function, arguments)
            except self.errors as error:
                self._note(error)
                raise StoreFailed from None
        if self.failing:
            _log.warning("%s answers again", self.url)
        self._failures = 0
        return reply

    def _ask(self) -> None:
        """Whether to call at all.

        Raises:
            StoreFailed: not now.
        """
        now = self._clock()
        if self.failing:
            if now < self._shut_until:
                raise StoreFailed
            self._shut_until = now + PROBE  # this call finds out
        self._calls += 1

    async def _in_time(self, function: Callable[..., Awaitable[Any]], arguments: Sequence[Any]) -> Any:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._timeout

        def over() -> None:
            now = loop.time()
            bound.reschedule(now + self._timeout / 2 if now - due > _LATE else now)

        async with asyncio.timeout(None) as bound:
            timer = loop.call_at(due, over)
            try:
                return await function(*arguments)
            finally:
                timer.cancel()

    def _note(self, error: Exception) -> None:
        self._failed += 1
        self._failures += 1
        self._shut_until = self._clock() + PROBE
        if self._failures == _FAILURES:
            _log.warning("%s does not answer, the cache does without it: %r", self.url, error)

    async def close(self) -> None:
        """End the connections."""
        await self.client.aclose()


def _driver(url: str) -> tuple["Redis", tuple[type[Exception], ...], type[Exception]]:
    shown = re.sub("//.*@", "//***@", url)
    try:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
        from redis.exceptions import NoScriptError, RedisError
    except ImportError:
        raise ConfigurationError(f"{shown!r} needs the driver: pip install 'stanchion[redis]'") from None
    options: dict[str, Any] = {
        "socket_timeout": None,  # a call is bounded as a whole, here
        "socket_connect_timeout": None,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
    }
    try:
        client = Redis.from_url(re.sub("^valkey", "redis", url), **options)
    except ValueError as error:
        raise ConfigurationError(f"{shown!r}: {error}; give a URL such as redis://localhost:6379/0") from None
    return client, (RedisError, StoreFailed, OSError, ValueError), NoScriptError
