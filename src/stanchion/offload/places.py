"""What is common to pools: places, and a bounded queue for them."""

import asyncio
from collections import deque

from stanchion.errors import ServiceUnavailable
from stanchion.telemetry.decisions import Decisions


class Places:
    """`size` places and a queue of at most `longest`; first in, first out."""

    def __init__(self, kind: str, size: int, longest: int, decisions: Decisions) -> None:
        """`kind` is `thread` or `process`."""
        self.kind = kind
        self.size = size
        self.taken = 0
        self._longest = longest
        self._decisions = decisions
        self._waiting: deque[asyncio.Future[None]] = deque()

    def __repr__(self) -> str:
        return f"<Places {self.taken} of {self.size} taken for a {self.kind}, {len(self._waiting)} wait>"

    def statistics(self) -> dict[str, int]:
        """Places, those taken, and how many calls wait for one."""
        return {"size": self.size, "busy": self.taken, "waiting": len(self._waiting)}

    async def take(self) -> None:
        """Wait for a place; whoever waits has its own deadline.

        Raises:
            ServiceUnavailable: the queue is full (code `pool-full`).
        """
        if self.taken < self.size:
            self.taken += 1
            return
        if len(self._waiting) >= self._longest:
            self._decisions.pool_refused += 1
            raise ServiceUnavailable(
                f"every {self.kind} is at work, and {self._longest} calls wait",
                code="pool-full",
                headers={"Retry-After": "1"},
            )
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.cancelled():
                self._waiting.remove(place)
            else:
                self.give_back()
            raise

    def give_back(self) -> None:
        """Leave a place, to who has waited longest if anybody does."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self.taken -= 1
