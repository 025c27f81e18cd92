"""The body of one request as it arrives, with back-pressure towards the socket.

The wire layer feeds it; a handler reads it whole or in chunks. What nobody has asked for is bounded: past
`high_water` bytes the body asks its feeder to stop reading. A reader of the whole body lifts that bound up to
the message's size limit, which the feeder enforces before it feeds.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Protocol


class Feeder(Protocol):
    """Where the bytes come from: reading can be paused, resumed, and invited (100-continue)."""

    def pause_body(self) -> None: ...

    def resume_body(self) -> None: ...

    def invite_body(self) -> None: ...


class Body:
    """A stream of chunks with one reader. `received` counts every byte that arrived, read or not."""

    __slots__ = (
        "_chunks",
        "_feeder",
        "_paused",
        "_waiter",
        "buffered",
        "complete",
        "error",
        "high_water",
        "received",
        "trailers",
    )

    def __init__(self, feeder: Feeder, high_water: int) -> None:
        self._feeder = feeder
        self._chunks: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._paused = False
        self.high_water = high_water
        self.buffered = 0
        self.received = 0
        self.complete = False
        self.error: Exception | None = None
        self.trailers: dict[bytes, bytes] | None = None
        """Fields that came behind a chunked body, once it is complete."""

    def __repr__(self) -> str:
        state = "failed" if self.error else "complete" if self.complete else "open"
        return f"<Body {state}, {self.received} bytes received, {self.buffered} waiting>"

    def feed(self, chunk: bytes) -> None:
        """Take a chunk from the feeder, pausing it when nobody reads."""
        size = len(chunk)
        self.received += size
        if self.error is not None:
            return  # nobody will read it
        self._chunks.append(chunk)
        self.buffered += size
        self._wake()
        # also with a reader, which may not run for a while: uvloop reads up to 8 MiB before it lets tasks run
        if self.buffered > self.high_water and not self._paused:
            self._paused = True
            self._feeder.pause_body()

    def finish(self) -> None:
        """The last chunk has arrived."""
        self.complete = True
        self._wake()

    def fail(self, error: Exception) -> None:
        """No more will arrive; a reader gets `error`, the first one told."""
        if not self.complete and self.error is None:
            self.error = error
            self._wake()

    def want_all(self) -> None:
        """The whole body will be taken at once: only its size limit holds it back now."""
        self.high_water = 1 << 62
        self._feeder.invite_body()
        self._resume()

    def take(self) -> bytes:
        """The whole body of a complete message; it stays, so that a hook and the handler can both have it."""
        if len(self._chunks) != 1:
            whole = b"".join(self._chunks)
            self._chunks.clear()
            self._chunks.append(whole)
        return self._chunks[0]

    async def read(self) -> bytes:
        """The whole body.

        Raises:
            HTTPError: the body is malformed, too large, or too slow; declared by the wire layer.
        """
        if not self.complete:
            self.want_all()
            while not self.complete:
                await self._more()
        return self.take()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body chunk by chunk; reading from the socket goes on only as fast as this is consumed."""
        while True:
            while self._chunks:
                chunk = self._chunks.popleft()
                self.buffered -= len(chunk)
                yield chunk
            if self.complete:
                return
            await self._more()

    async def _more(self) -> None:
        if self.error is not None:
            raise self.error
        if self._waiter is not None:
            raise RuntimeError("the body has a reader already")
        self._feeder.invite_body()
        self._resume()
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
        if self.error is not None:
            raise self.error

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            self._feeder.resume_body()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class WholeBody(Body):
    """A body that was all there with its head: nothing to wait for, so nothing to keep but the bytes."""

    __slots__ = ("_content",)
    complete = True
    error = None
    trailers = None

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __repr__(self) -> str:
        return f"<WholeBody {len(self._content)} bytes>"

    def take(self) -> bytes:
        return self._content

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._content
