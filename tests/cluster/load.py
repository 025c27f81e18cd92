"""A client that never tries again, and keeps account of how each of its requests ended."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import mean

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
ANSWERED, REFUSED, RESET, BROKEN, WRONG = "answered", "refused", "reset", "broken", "wrong"
"""A whole 200; no connection; no byte of an answer; part of an answer; a whole answer that is no 200."""


@dataclass
class Account:
    """How requests ended, by name, and when the answered ones were asked and answered."""

    outcomes: dict[str, str] = field(default_factory=dict)
    answered: list[tuple[float, float]] = field(default_factory=list)
    others: list[tuple[float, str, str]] = field(default_factory=list)
    """When, how, and what was seen of those that were not answered."""

    @property
    def counts(self) -> Counter[str]:
        return Counter(self.outcomes.values())

    @property
    def names(self) -> set[str]:
        """Of the requests that were answered."""
        return {name for name, outcome in self.outcomes.items() if outcome == ANSWERED}

    def rate(self, begin: float, end: float) -> float:
        """Answers a second between two moments of `time.monotonic`."""
        return sum(begin <= at < end for _, at in self.answered) / (end - begin)

    def latency(self) -> float:
        """Mean seconds from being asked to being answered."""
        return mean(end - begin for begin, end in self.answered)


class Load:
    """Requests at a steady rate, whatever becomes of them (open loop), over kept or fresh connections."""

    def __init__(self, port: int, path: str, *, method: str = "POST", keep_alive: bool = True) -> None:
        self._port = port
        self._path = path
        self._method = method
        self._keep_alive = keep_alive
        self._idle: list[Streams] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.account = Account()

    async def run(self, rate: float, seconds: float) -> None:
        """Send `rate` requests a second, each at its time, and wait for all of them."""
        started = time.monotonic()
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, started + number / rate - time.monotonic()))
            task = asyncio.create_task(self._request(f"{self._path}-{number}"))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        await self.settle()

    async def settle(self) -> None:
        """Wait for what is under way, then close."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        for _, writer in self._idle:
            writer.close()

    async def _request(self, name: str) -> None:
        began = time.monotonic()
        seen = ""
        try:
            outcome = await self._exchange(name)
        except ConnectionRefusedError as error:
            outcome, seen = REFUSED, repr(error)
        except asyncio.IncompleteReadError as error:
            outcome, seen = (BROKEN if error.partial else RESET), repr(error.partial)
        except (ConnectionError, OSError) as error:
            outcome, seen = RESET, repr(error)
        self.account.outcomes[name] = outcome
        if outcome == ANSWERED:
            self.account.answered.append((began, time.monotonic()))
        else:
            self.account.others.append((time.monotonic(), outcome, seen))

    async def _exchange(self, name: str) -> str:
        reader, writer = await self._connection()
        close = "" if self._keep_alive else "Connection: close\r\n"
        body = name.encode()
        head = f"{self._method} {self._path} HTTP/1.1\r\nHost: x\r\n{close}Content-Length: {len(body)}\r\n\r\n"
        try:
            writer.write(head.encode() + body)
            fields = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
            length = next(int(line[15:]) for line in fields if line.startswith("content-length:"))
            await reader.readexactly(length)
        except BaseException:
            writer.close()
            raise
        if self._keep_alive and "connection: close" not in fields:
            self._idle.append((reader, writer))
        else:
            writer.close()
        return ANSWERED if fields[0].startswith("http/1.1 200") else WRONG

    async def _connection(self) -> Streams:
        while self._idle:
            reader, writer = self._idle.pop(0)  # the one that has been idle for longest: the hardest case
            if not reader.at_eof() and reader.exception() is None and not writer.is_closing():
                return reader, writer
            writer.close()
        return await asyncio.open_connection("127.0.0.1", self._port)


def summary(accounts: Sequence[Account]) -> Counter[str]:
    """All outcomes together."""
    total: Counter[str] = Counter()
    for account in accounts:
        total += account.counts
    return total
