"""The tier on Redis or Valkey. The gets of a loop tick go in one MGET."""

import asyncio

from stanchion.cache.redis_calls import RedisCalls, StoreFailed
from stanchion.cache.tiers.remote import Counts, server_key
from stanchion.tasks import Tasks

LARGEST = 8 << 20
"""Bytes of a value; a larger one takes longer than a call may."""

_BATCH = 64


class RedisTier:
    """One a worker and server; connects when it is first asked."""

    name = "redis"

    def __init__(self, url: str, timeout: float) -> None:
        """`timeout` in seconds, for a call with the connecting it may need.

        Raises:
            ConfigurationError: the driver is missing, or the URL is none.
        """
        self._calls = RedisCalls(url, timeout)
        self._counts = Counts()
        self._waiting: dict[bytes, asyncio.Future[bytes | None]] = {}
        self._tasks = Tasks()

    def __repr__(self) -> str:
        return f"<RedisTier by {self._calls}>"

    def statistics(self) -> dict[str, int]:
        """What this process has asked and stored, and what failed."""
        return self._counts.told()

    async def get(self, key: bytes) -> bytes | None:
        """As `Remote.get`."""
        place = server_key(key)
        answer = self._waiting.get(place)
        if answer is None:
            answer = self._waiting[place] = asyncio.get_running_loop().create_future()
            if len(self._waiting) == 1:
                asyncio.get_running_loop().call_soon(self._flush)
        value = await asyncio.shield(answer)  # others may wait for it too
        self._counts.hits += value is not None
        self._counts.misses += value is None
        return value

    async def put(self, key: bytes, value: bytes, seconds: float) -> bool:
        """As `Remote.put`."""
        if len(value) > LARGEST:
            self._counts.refused += 1
            return False
        kept = await self._done("SET", server_key(key), value, "PX", max(1, int(seconds * 1000)))
        self._counts.stored += kept
        return kept

    async def drop(self, key: bytes) -> None:
        """As `Remote.drop`."""
        await self._done("UNLINK", server_key(key))

    async def clear(self) -> None:
        """As `Remote.clear`; other keys of the server stay."""
        cursor: int | bytes = 0
        try:
            while True:
                cursor, keys = await self._calls.call("SCAN", cursor, "MATCH", "stanchion:cache:*", "COUNT", 500)
                if keys:
                    await self._calls.call("UNLINK", *keys)
                if int(cursor) == 0:
                    return
        except StoreFailed:
            self._counts.failed += 1

    async def close(self) -> None:
        """As `Remote.close`."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._calls.close()

    async def _done(self, *command: object) -> bool:
        try:
            await self._calls.call(*command)
        except StoreFailed:
            self._counts.failed += 1
            return False
        return True

    def _flush(self) -> None:
        waiting, self._waiting = list(self._waiting.items()), {}
        for start in range(0, len(waiting), _BATCH):
            self._tasks.begin(self._fetch(dict(waiting[start : start + _BATCH])))

    async def _fetch(self, batch: dict[bytes, "asyncio.Future[bytes | None]"]) -> None:
        values: list[bytes | None] = [None] * len(batch)
        try:
            values = await self._calls.call("MGET", *batch)
        except StoreFailed:
            self._counts.failed += len(batch)
        finally:
            for answer, value in zip(batch.values(), values, strict=True):
                if not answer.done():
                    answer.set_result(value)
