"""A worker's connection with the fleet's table: marks out, numbers in, and comparisons for what was missed."""

import asyncio
import logging
from random import random
from typing import TYPE_CHECKING

from stanchion.board.generations import Generations
from stanchion.cache.redis_calls import RedisCalls, StoreFailed
from stanchion.cache.tags.replica import Mark, Replica
from stanchion.cache.tags.scripts import MERGE, RAISE, changes, packed, unpacked
from stanchion.tasks import Tasks

if TYPE_CHECKING:
    from redis.asyncio.client import PubSub

_log = logging.getLogger("stanchion.cache")

PATIENCE = 0.05
"""Seconds that an invalidation waits for the store; it is told all the same."""
_TIMEOUT = 2.0
"""Seconds of a call, which no request waits for."""
_START = 1.0
"""Seconds that a worker's start waits for the first comparison."""
_TICK = 1.0
"""Seconds between looks for marks that were left, and without a message after which the connection is tried."""
_COMPARED = 30.0
"""Seconds, give or take half, between comparisons: they find what was lost while the connection lasted, as when Redis
is emptied. Those of 64 workers read 280 KB in a second."""
_SOON = 0.01
"""Seconds after which a mark is told that a change has found: whoever made it is probably about to."""
_FIRST, _LONGEST = 0.05, 1.0
"""Seconds between attempts to connect; a random part of it, and twice as much each time."""
_BATCH = 256
"""Marks of a call: about 1 ms of the server's time."""


class RedisTags:
    """The tags of all machines that use one Redis or Valkey; the table is `stanchion:generations:16384`."""

    def __init__(self, url: str, generations: Generations, prefix: str = "stanchion") -> None:
        """Raises:
        ConfigurationError: the driver is missing, or the URL is none.
        """
        self._calls = RedisCalls(url, _TIMEOUT)
        self._count = len(generations)
        self._name = f"{prefix}:generations:{self._count}"
        self._replica = Replica(generations)
        self._follows = asyncio.Event()
        self._tried = asyncio.Event()
        self._tasks = Tasks()
        self._flushing: asyncio.Task[None] | None = None
        self._told = self._late = self._kept = self._heard = self._compared = self._repaired = 0

    def __repr__(self) -> str:
        return f"<RedisTags at {self._calls.url}, {'follows' if self.following else 'cut off'}>"

    @property
    def following(self) -> bool:
        """This worker hears of what others invalidate."""
        return self._follows.is_set()

    def statistics(self) -> dict[str, int]:
        """Marks on the board that the store has not heard of, and whether this worker follows the fleet. Since the
        start: marks told, told later than in 50 ms, kept since the store was away; changes heard of; comparisons, and
        cells that they have repaired."""
        return {
            "marked": len(self._replica.marked()),
            "following": int(self.following),
            "told": self._told,
            "late": self._late,
            "kept": self._kept,
            "heard": self._heard,
            "compared": self._compared,
            "repaired": self._repaired,
        }

    async def open(self) -> None:
        """Begin to follow; waits for the first comparison, unless there is none: a second at most."""
        self._tasks.begin(self._follow())
        self._tasks.begin(self._look())
        self._tasks.begin(self._compare_at_times())
        await asyncio.wait({self._tasks.begin(self._tried.wait())}, timeout=_START)

    async def close(self) -> None:
        """Tell what is left, within a moment, and end."""
        if self.following:
            await asyncio.wait({self._tasks.begin(self._flush())}, timeout=PATIENCE)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._calls.close()

    async def tell(self, marks: list[Mark]) -> bool:
        """Tell the store; False where that takes longer than 50 ms, or it is away."""
        if not self.following:
            self._kept += len(marks)
            return False
        done, _ = await asyncio.wait({self._tasks.begin(self._raise(marks))}, timeout=PATIENCE)
        if not done:
            self._late += len(marks)
            return False
        told: bool = done.pop().result()
        return told

    async def _raise(self, marks: list[Mark]) -> bool:
        """Have the store give numbers for marks; False where it has not, so that they are left on the board."""
        try:
            for start in range(0, len(marks), _BATCH):
                await self._raise_batch(marks[start : start + _BATCH])
        except StoreFailed:
            self._kept += len(marks)
            return False
        self._told += len(marks)
        return True

    async def _raise_batch(self, marks: list[Mark]) -> None:
        arguments = [self._count, self._replica.latest, *(number for mark in marks for number in mark)]
        numbers = await self._calls.run(RAISE, [self._name], arguments)
        if numbers is None:  # the table is lost
            await self._merge()
            numbers = await self._calls.run(RAISE, [self._name], arguments)
        if numbers is None:
            raise StoreFailed
        self._replica.settle((cell, int(number), mark) for (cell, mark), number in zip(marks, numbers, strict=True))

    async def _flush(self) -> None:
        """Tell of all marks on the board."""
        if marks := self._replica.marked():
            await self._raise(marks)

    async def _compare(self) -> None:
        numbers = unpacked(await self._calls.call("GET", self._name), self._count)
        self._compared += 1
        if numbers is None:
            await self._merge()
            return
        changed, ahead = self._replica.compare(numbers)
        self._repaired += changed
        if ahead:
            await self._merge()

    async def _merge(self) -> None:
        """Bring the store what it has lost."""
        merged = await self._calls.run(MERGE, [self._name], [self._count, packed(self._replica.known())])
        numbers = unpacked(merged, self._count)
        if numbers is not None:
            self._repaired += self._replica.compare(numbers)[0]

    async def _follow(self) -> None:
        """Connect, again and again."""
        pause = _FIRST
        failing = False
        while True:
            try:
                await self._session()
            except Exception as error:  # whatever it is: who stops to follow serves what others have invalidated
                if self.following or not failing:
                    _log.warning("%s: invalidations stay on their machine until it answers: %r", self._calls.url, error)
            if self.following:
                pause = _FIRST
            failing = True
            self._follows.clear()
            self._tried.set()
            await asyncio.sleep(random() * pause)
            pause = min(2 * pause, _LONGEST)

    async def _session(self) -> None:
        """One connection: subscribe, tell, compare, and then listen until it fails.

        In this order: what others change from the subscription on is heard, what they have changed before is read.
        """
        async with self._calls.client.pubsub() as channel:
            async with asyncio.timeout(_TIMEOUT):
                await channel.subscribe(self._name)
                while await channel.get_message(timeout=_TIMEOUT) is None:
                    pass
            await self._flush()
            await self._compare()
            self._follows.set()
            self._tried.set()
            await self._listen(channel)

    async def _listen(self, channel: "PubSub") -> None:
        silent = False
        while True:
            message = await channel.get_message(timeout=_TICK)
            if message is not None:
                silent = False
                if message["type"] == "message":
                    self._hear(message["data"])
            elif silent:
                raise ConnectionError("no answer to a ping")
            else:
                silent = True
                await channel.ping()

    def _hear(self, message: bytes) -> None:
        try:
            told = changes(message)
            left = self._replica.settle(told)
        except (ValueError, IndexError):
            _log.warning("%s: a message on %s is not ours: %.100r", self._calls.url, self._name, message)
            return
        self._heard += len(told)
        if not told:
            self._tasks.begin(self._compare_soon())
        elif left and (self._flushing is None or self._flushing.done()):
            self._flushing = self._tasks.begin(self._flush_soon())

    async def _flush_soon(self) -> None:
        await asyncio.sleep(_SOON)
        await self._flush()

    async def _compare_soon(self) -> None:
        await asyncio.sleep(random() * _SOON)  # not all workers at once
        await self._compare_quietly()

    async def _look(self) -> None:
        """Tell what was left by a worker that was killed, or by a call that failed."""
        while True:
            await asyncio.sleep(_TICK)
            if self.following:
                await self._flush()

    async def _compare_at_times(self) -> None:
        while True:
            await asyncio.sleep(_COMPARED * (0.5 + random()))
            if self.following:
                await self._compare_quietly()

    async def _compare_quietly(self) -> None:
        try:
            await self._compare()
        except StoreFailed:  # the next one will tell
            return
