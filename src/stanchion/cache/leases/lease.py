"""What leases of all kinds have in common: their protocol, their times, and how one waits."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

LASTS = 0.75
"""Seconds after which a lease that is not renewed ends. A loop that is held for longer loses its leases: others then
make what it makes as well."""
RENEWED = 0.25
"""Seconds between renewals: two may fail."""
OPEN = 1.0
"""Seconds in which nobody waits for a key whose last answer could not be kept."""
_SHORTEST, _LONGEST = 0.005, 0.05
"""Seconds between two looks at a lease of another."""


class Lease(Protocol):
    """Held by who makes an entry; renewed in the background until it is released."""

    async def release(self, kept: bool = True) -> None:
        """Let the next have it. If what was made was not `kept` where the others look, then for a second nobody waits
        for it: they would wait one after another, each for nothing."""


class Leases(Protocol):
    """The leases of a machine or a fleet, as one worker sees them."""

    async def take(self, key: bytes) -> Lease | None:
        """The lease of `key`; None while another has it. One that holds nothing where there can be none."""

    async def wait(self, key: bytes, seconds: float) -> None:
        """Until nobody has the lease of `key`, or the time is over."""

    async def close(self) -> None:
        """Let go of all that are held."""

    def statistics(self) -> dict[str, int]:
        """Leases held now, and counts since the start."""


class Alone:
    """A lease that holds nothing."""

    async def release(self, kept: bool = True) -> None:
        """Nobody waits for it."""


ALONE = Alone()


class Counts:
    """What a worker's leases have come to since the start."""

    def __init__(self) -> None:
        self.taken = 0
        """Leases got."""
        self.busy = 0
        """Asked for while another had them."""
        self.alone = 0
        """Not to be had, so that the asking one went on without."""
        self.lost = 0
        """Ended before they were released, since they were renewed too late."""

    def statistics(self) -> dict[str, int]:
        return {"taken": self.taken, "busy": self.busy, "alone": self.alone, "lost": self.lost}


async def poll(busy: Callable[[], Awaitable[bool]], seconds: float) -> None:
    """Look until it is not busy, ever less often, or the time is over."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    pause = _SHORTEST
    while (left := until - loop.time()) > 0 and await busy():
        await asyncio.sleep(min(pause, left))
        pause = min(pause * 1.5, _LONGEST)
