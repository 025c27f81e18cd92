"""One Redis or Valkey for what the cache's parts ask of it: each call bounded, and none while it does not answer.

After two failures in a row nothing is sent but one call in every quarter of a second, until that one is answered.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha1
from time import monotonic
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from stanchion.cache.probing import PROBE, Probing
from stanchion.redis_driver import connections, in_time, redacted

if TYPE_CHECKING:
    from redis.asyncio import ConnectionPool, Redis

__all__ = ["PROBE", "TIMEOUT", "RedisCalls", "Script", "StoreFailed"]

TIMEOUT = 0.05
"""Seconds of a call, with the connecting it may need."""
_CONNECTIONS = 8
"""Calls under way at one time. A thousand keys that miss at once would open a thousand connections."""


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
        shown = redacted(url)
        pool, self.errors, self._no_script = connections(re.sub("^valkey", "redis", url), repr(shown))
        self.client = _client(pool)
        self.url = shown
        self._execute: Callable[..., Awaitable[Any]] = self.client.execute_command
        self._timeout = timeout
        self._probing = Probing(shown, clock)
        self._places = asyncio.Semaphore(_CONNECTIONS)
        self._calls = self._failed = 0

    def __repr__(self) -> str:
        return f"<RedisCalls {self.url}, {'failing' if self.failing else 'answers'}>"

    def statistics(self) -> dict[str, int]:
        """Calls since the start, and those of them that failed."""
        return {"calls": self._calls, "failed": self._failed}

    @property
    def failing(self) -> bool:
        """Only one call in a quarter of a second is sent."""
        return self._probing.failing

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
            if not self._probing.asks():
                raise StoreFailed
            self._calls += 1
            try:
                reply = await in_time(function(*arguments), self._timeout)
            except self.errors as error:
                self._failed += 1
                self._probing.failed(error)
                raise StoreFailed from None
        self._probing.answered()
        return reply

    async def close(self) -> None:
        """End the connections."""
        await self.client.aclose()


def _client(pool: "ConnectionPool") -> "Redis":
    from redis.asyncio import Redis  # there, or there would be no pool

    return Redis.from_pool(pool)
