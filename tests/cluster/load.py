"""A client that never tries again, and keeps account of how each of its requests ended."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
ANSWERED, REFUSED, RESET, BROKEN, WRONG = "answered", "refused", "reset", "broken", "wrong"
"""A whole 200; no connection; no byte of an answer; part of an answer; a whole answer that is no 200."""
NONE_REFUSED = "--no-admission"
"""The flag of a server of which every answer counts: while workers start beside, two cores may be too few for a moment,
and admission would rightly turn requests away."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A request without a 200: its name, when it began (`time.monotonic`), how it ended, what was seen of that."""

    name: str
    began: float
    outcome: str
    seen: str


@dataclass
class Account:
    """How requests ended."""

    answered: dict[str, float] = field(default_factory=dict)
    """When, in `time.monotonic`, by name."""
    failures: list[Failure] = field(default_factory=list)

    @property
    def counts(self) -> Counter[str]:
        """Requests by outcome."""
        counts = Counter(failure.outcome for failure in self.failures)
        return counts + Counter({ANSWERED: len(self.answered)})

    def rate(self, begin: float, end: float) -> float:
        """Answers a second between two moments of `time.monotonic`."""
        return sum(begin <= at < end for at in self.answered.values()) / (end - begin)


class Load:
    """Requests at a steady rate, whatever becomes of them (open loop), over kept or fresh connections.

    Each request has a name of its own as its body. `prefix` tells the loads of a test apart.
    """

    def __init__(self, port: int, path: str, *, rate: float, keep_alive: bool = True, prefix: str = "") -> None:
        self._port = port
        self._path = path
        self._rate = rate
        self._keep_alive = keep_alive
        self._prefix = prefix or path.strip("/")
        self._idle: list[Streams] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = threading.Event()
        self.account = Account()

    def __repr__(self) -> str:
        return f"<Load of {self._path}: {dict(self.account.counts)}>"

    def stop(self) -> None:
        """Send no more."""
        self._stopped.set()

    async def run(self) -> None:
        """Send until stopped, and wait for what is under way."""
        started, number = time.monotonic(), 0
        while not self._stopped.is_set():
            task = asyncio.create_task(self._request(f"{self._prefix}-{number}"))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            number += 1
            await asyncio.sleep(max(0.0, started + number / self._rate - time.monotonic()))
        while self._tasks:
            await asyncio.wait(self._tasks)
        for _, writer in self._idle:
            writer.close()

    async def _request(self, name: str) -> None:
        began = time.monotonic()
        try:
            outcome, seen = await self._exchange(name)
        except ConnectionRefusedError as error:
            outcome, seen = REFUSED, repr(error)
        except asyncio.IncompleteReadError as error:
            outcome, seen = (BROKEN if error.partial else RESET), repr(error.partial)
        except OSError as error:
            outcome, seen = RESET, repr(error)
        if outcome == ANSWERED:
            self.account.answered[name] = time.monotonic()
        else:
            self.account.failures.append(Failure(name=name, began=began, outcome=outcome, seen=seen))

    async def _exchange(self, name: str) -> tuple[str, str]:
        reader, writer = await self._connection()
        close = "" if self._keep_alive else "Connection: close\r\n"
        body = name.encode()
        head = f"POST {self._path} HTTP/1.1\r\nHost: x\r\n{close}Content-Length: {len(body)}\r\n\r\n"
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
        return (ANSWERED if fields[0].startswith("http/1.1 200") else WRONG), fields[0]

    async def _connection(self) -> Streams:
        while self._idle:
            reader, writer = self._idle.pop(0)  # the one that has been idle for longest: the hardest case
            if not reader.at_eof() and reader.exception() is None and not writer.is_closing():
                return reader, writer
            writer.close()
        return await asyncio.open_connection("127.0.0.1", self._port)


@contextmanager
def under(*loads: Load) -> Iterator[None]:
    """Send the loads from a thread of their own while the block lasts; at its end wait for every answer."""

    async def run() -> None:
        await asyncio.gather(*(load.run() for load in loads))

    failed: list[BaseException] = []

    def work() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work, name="load")
    thread.start()
    try:
        yield
    finally:
        for load in loads:
            load.stop()
        thread.join(60)
    assert not failed, failed
    assert not thread.is_alive(), "requests without an end"


def failures(loads: Iterable[Load]) -> list[Failure]:
    """Of all of them."""
    return [failure for load in loads for failure in load.account.failures]
