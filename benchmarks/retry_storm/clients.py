"""The users, an open loop: each asks when it is due, and asks again up to three times if that fails.

The pause before is the server's `Retry-After` for those who honour it and are given one; else it is random, up to 0.1 s
the first time and twice as long each time (full jitter), as clients do that were written with care.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from time import perf_counter

RETRIES = 3
_PAUSE = 0.1
_PATIENCE = 3.0
"""Seconds until a client gives an attempt up."""
_REQUEST = b"GET /price HTTP/1.1\r\nHost: storm\r\nConnection: close\r\n\r\n"


@dataclass(slots=True)
class Crowd:
    """What has become of the users; times in seconds of `perf_counter`."""

    honour: bool
    due: list[float] = field(default_factory=list)
    good: list[tuple[float, float]] = field(default_factory=list)
    """When each that was answered 2xx was due, and how long after it was."""
    attempts: list[float] = field(default_factory=list)
    """When each request to the API was made."""

    async def come(self, port: int, *, rate: float, seconds: float, seed: int = 1) -> None:
        """Users at random moments, `rate` a second, for `seconds`; ends with the last one's answer."""
        chance = Random(seed)
        due = began = perf_counter()
        async with asyncio.TaskGroup() as group:
            while (due := due + chance.expovariate(rate)) < began + seconds:
                await asyncio.sleep(max(0.0, due - perf_counter()))
                self.due.append(due)
                group.create_task(self._user(port, due, chance))

    async def _user(self, port: int, due: float, chance: Random) -> None:
        for attempt in range(RETRIES + 1):
            self.attempts.append(perf_counter())
            status, after = await _ask(port)
            if 200 <= status < 300:
                self.good.append((due, perf_counter() - due))
                return
            if attempt < RETRIES:
                waits = after if self.honour and after is not None else chance.random() * _PAUSE * 2**attempt
                await asyncio.sleep(waits)


async def _ask(port: int) -> tuple[int, float | None]:
    """Status and `Retry-After` in seconds; 0 without an answer."""
    with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(_REQUEST)
                head = await reader.readuntil(b"\r\n\r\n")
            finally:
                writer.close()
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
        after = fields.get(b"retry-after")
        return int(head[9:12]), None if after is None else float(after)
    return 0, None
