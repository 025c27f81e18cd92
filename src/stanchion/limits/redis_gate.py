"""A worker's way to one Redis: checks gathered into batches, each call bounded, and a breaker before it.

The checks of a loop tick go in one script call, and while it is under way those that come gather for the next: the more
load, the larger the batches, and the less a check costs.

A call has a time, 50 ms unless the setting `limit_store_timeout` says otherwise. After two failures in a row nothing is
sent but a probe every quarter of a second, and every check fails at once, until a probe is answered.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import cast

from stanchion.errors import ConfigurationError
from stanchion.limits.redis_script import Check, Grant, grants
from stanchion.limits.redis_wire import Pool, RedisWire
from stanchion.redis_driver import connections, in_time, redacted

_log = logging.getLogger("stanchion.limits")

START = 1.0
"""Seconds in which the first connections are made, before there is a request to wait for them."""
PROBE = 0.25
"""Seconds between two probes of a server that has failed."""
_FAILURES = 2
_IN_FLIGHT = 2
_WORTH = 32
"""Checks for which a second call goes out beside the first: fewer wait for its end, and make one batch then."""
_BATCH = 256
"""Checks of a call: about 1 ms of the server's time."""


class StoreFailed(Exception):
    """The store has not decided: it is down, too slow, or was found so a moment ago."""


_Waiting = tuple[bytes, Check, "asyncio.Future[Grant]"]


class RedisGate:
    """One Redis or Valkey, by its URL; connects when it is first asked."""

    def __init__(self, url: str, timeout: float) -> None:
        """`timeout` is in seconds, for a call with the connecting it may need.

        Raises:
            ConfigurationError: the driver is missing, or the URL is none.
        """
        self._timeout = timeout
        pool, self._errors, no_script = connections(url.replace("valkey://", "redis://", 1), f"store={redacted(url)!r}")
        self._wire = RedisWire(cast("Pool", pool), no_script)
        self._url = redacted(url)
        self._waiting: list[_Waiting] = []
        self._calls: set[asyncio.Task[None]] = set()
        self._scheduled = False
        self._failures = 0
        self._probing: asyncio.Task[None] | None = None
        self._batches = self._checks = 0

    def __repr__(self) -> str:
        return f"<RedisGate {'open' if self.broken else 'closed'}, {len(self._waiting)} waiting>"

    def statistics(self) -> dict[str, int]:
        """Calls and the checks in them since the start, and the checks that wait."""
        return {"batches": self._batches, "checks": self._checks, "waiting": len(self._waiting)}

    @property
    def broken(self) -> bool:
        """The breaker is open: only probes are sent."""
        return self._probing is not None

    def take(self, key: bytes, check: Check) -> "asyncio.Future[Grant]":
        """Have the server decide; the future raises StoreFailed if it has not.

        Raises:
            StoreFailed: it is known to fail.
        """
        if self._probing is not None:
            raise StoreFailed
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Grant] = loop.create_future()
        self._waiting.append((key, check, answer))
        if not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._flush)
        return answer

    def _flush(self) -> None:
        """Send what has gathered, unless enough is under way: then its end does."""
        self._scheduled = False
        while self._waiting and len(self._calls) < (_IN_FLIGHT if len(self._waiting) >= _WORTH else 1):
            batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
            task = asyncio.get_running_loop().create_task(self._send(batch))
            self._calls.add(task)
            task.add_done_callback(self._sent)

    def _sent(self, task: "asyncio.Task[None]") -> None:
        self._calls.discard(task)
        self._flush()

    async def _send(self, batch: Sequence[_Waiting]) -> None:
        self._batches += 1
        self._checks += len(batch)
        try:
            reply = await self._bounded([key for key, _, _ in batch], [check for _, check, _ in batch])
            decided = grants(reply, len(batch))
        except self._errors as error:
            self._failed(batch, error)
            return
        self._failures = 0
        for (_, _, answer), grant in zip(batch, decided, strict=True):
            if not answer.done():  # else its client has left
                answer.set_result(grant)

    def _failed(self, batch: Sequence[_Waiting], error: Exception) -> None:
        """Let go of the batch, and of what waits behind it: it would wait for as long."""
        self._failures += 1
        waiting, self._waiting = self._waiting, []
        for _, _, answer in (*batch, *waiting):
            if not answer.done():
                answer.set_exception(StoreFailed())
                answer.exception()  # nobody may be waiting any more
        if self._failures >= _FAILURES and self._probing is None:
            _log.warning("the store of rate limits has failed, its limits' `fail` holds: %r", error)
            self._probing = asyncio.get_running_loop().create_task(self._probe())

    async def _probe(self) -> None:
        """Ask until there is an answer; then close the breaker."""
        while True:
            await asyncio.sleep(PROBE)
            try:
                await self._bounded([], [])
            except self._errors:
                continue
            break
        _log.warning("the store of rate limits answers again")
        self._failures = 0
        self._probing = None

    async def _bounded(self, keys: Sequence[bytes], checks: Sequence[Check]) -> bytes:
        """One call of the script, within its time.

        Raises:
            TimeoutError: there was no answer in time.
        """
        return await in_time(self._wire.evaluate(keys, checks), self._timeout)

    async def open(self) -> None:
        """Connect, and have the server learn the script; if that fails the first checks will.

        Raises:
            ConfigurationError: the server is a node of a Redis Cluster.
        """
        with suppress(TimeoutError, *self._errors):
            async with asyncio.timeout(START):
                await asyncio.gather(*(self._wire.evaluate([], []) for _ in range(_IN_FLIGHT)))
                if await self._wire.clustered():
                    raise ConfigurationError(
                        f"store={self._url!r} is a node of a Redis Cluster, which has only some of the keys; expected a"
                        " server that has them all: give one of its own to limits"
                    )

    async def close(self) -> None:
        """End what is under way, and the connections."""
        tasks = [*self._calls, *([self._probing] if self._probing else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._wire.close()
