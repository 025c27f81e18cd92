"""Server-sent events (WHATWG HTML §9.2): a stream of events that stays open and outlives proxies' idle
timers."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from stanchion.http.response import Stream

KEEP_ALIVE = b": keep-alive\n\n"
AHEAD = 16_384
"""Bytes the source may run ahead of the client; also what is written at once when events come faster than it
reads."""

_LINE_END = re.compile("\r\n|\r|\n")  # str.splitlines would split at U+2028 and others as well
_FORBIDDEN = re.compile("[\r\n\0]")


class Event(Struct, frozen=True):
    """One event: `Event({"price": 7}, event="tick", id="42")`.

    Raises:
        ValueError: `event` or `id` contains a line end or NUL, with which a value could forge events.
    """

    data: Any = UNSET
    """Text as it is; any other value as JSON. Unset: the event only sets `id` or `retry`, and no listener
    sees it."""
    event: str | None = None
    """The type listeners register for; None is `message`."""
    id: str | None = None
    """Sent back as Last-Event-ID on reconnection; empty resets it."""
    retry: int | None = None
    """Milliseconds the client waits before it reconnects."""

    def __post_init__(self) -> None:
        for value in (self.event, self.id):
            if value is not None and _FORBIDDEN.search(value):
                raise ValueError(f"an event's type or id may not contain line ends or NUL: {value!r}")
        if self.retry is not None and self.retry < 0:
            raise ValueError(f"retry is in milliseconds, at least 0: {self.retry!r}")


class EventStream(Stream):
    """A response that sends an async iterator's items as events: an `Event` as declared, anything else as its
    data.

    The iterator runs in one task from its first step to its last, so that timeouts and task groups within it
    work. It is cancelled and closed when the client goes away.
    """

    media_type: str | None = "text/event-stream"
    keep_alive: float | None = 15.0
    """Seconds of silence after which a comment is sent, so that balancers do not cut the connection (theirs
    is 30 to 60 as a rule); None sends none."""

    def __post_init__(self) -> None:
        given = {name.lower() for name in self.headers or ()}
        # nginx would hold events back until its buffer is full
        ours = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        self.headers = {name: value for name, value in ours.items() if name.lower() not in given} | (self.headers or {})

    async def chunks(self) -> AsyncIterator[bytes]:
        """Encoded events, those that are ready together in one piece."""
        pump = _Pump(self.body)
        try:
            while True:
                try:
                    async with asyncio.timeout(self.keep_alive):
                        chunk = await pump.next()
                except TimeoutError:
                    yield KEEP_ALIVE
                    continue
                if chunk is None:
                    return
                yield chunk
        finally:
            await pump.close()


def encode(item: Any) -> bytes:
    """One item as the lines of one event.

    Raises:
        TypeError: the data is not JSON.
    """
    if not isinstance(item, Event):
        return _data(item) + b"\n"
    lines = b""
    if item.event is not None:
        lines += f"event: {item.event}\n".encode()
    if item.id is not None:
        lines += f"id: {item.id}\n".encode()
    if item.retry is not None:
        lines += f"retry: {item.retry}\n".encode()
    return lines + _data(item.data) + b"\n"


def _data(value: Any) -> bytes:
    if isinstance(value, UnsetType):
        return b""
    if not isinstance(value, str):
        return b"data: " + msgspec.json.encode(value) + b"\n"  # JSON has no line ends
    return "".join(f"data: {line}\n" for line in _LINE_END.split(value)).encode()


class _Pump:
    """Runs an iterator in one task, up to `AHEAD` bytes ahead of its reader.

    Tried and rejected: a task a `__anext__`, which breaks `asyncio.timeout` and task groups across a yield.
    """

    __slots__ = ("_buffer", "_ready", "_room", "_task")

    def __init__(self, source: Any) -> None:
        self._buffer = bytearray()
        self._ready = asyncio.Event()
        self._room = asyncio.Event()
        self._task = asyncio.create_task(self._run(source))
        self._task.add_done_callback(lambda _: self._ready.set())

    async def next(self) -> bytes | None:
        """What is ready, waiting for the first; None at the end. An error of the source is raised after its
        events."""
        await self._ready.wait()
        if self._buffer:
            chunk = bytes(self._buffer)
            self._buffer.clear()
            self._room.set()
            if not self._task.done():
                self._ready.clear()
            return chunk
        if self._task.cancelled():
            raise RuntimeError("the source of an event stream was cancelled")
        return self._task.result()

    async def close(self) -> None:
        """Cancel the source and wait until it has cleaned up."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self, source: Any) -> None:
        try:
            async for item in source:
                self._buffer += encode(item)
                self._ready.set()
                if len(self._buffer) > AHEAD:
                    self._room.clear()
                    await self._room.wait()
        finally:
            close = getattr(source, "aclose", None)
            if close is not None:
                await close()
