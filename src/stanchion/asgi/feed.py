"""A streamed body from an app that sends to a wire layer that asks, with back-pressure between the two.

Up to 64 KiB wait in between: a hand-over of each single chunk would cost two task switches a chunk.
"""

import asyncio
from collections import deque
from collections.abc import Callable

_HIGH = 64 * 1024


class Feed:
    """An async iterator of the chunks put into it; one task puts, one iterates."""

    __slots__ = ("_buffered", "_chunks", "_closed", "_ended", "_error", "_on_left", "_reader", "_writer")

    def __init__(self, on_left: Callable[[], None]) -> None:
        self._chunks: deque[bytes] = deque()
        self._buffered = 0
        self._ended = False
        self._closed = False
        self._error: BaseException | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._on_left = on_left

    def __repr__(self) -> str:
        state = "closed" if self._closed else "ended" if self._ended else "open"
        return f"<Feed {state}, {self._buffered} bytes waiting>"

    @property
    def ended(self) -> bool:
        """All has been put in."""
        return self._ended

    async def put(self, chunk: bytes, *, more: bool) -> None:
        """Add a chunk, after waiting for room; without `more` it is the last."""
        self._ended = not more
        if not self._closed:
            self._chunks.append(chunk)
            self._buffered += len(chunk)
            _wake(self._reader)
        while more and self._buffered > _HIGH and not self._closed:
            self._writer = asyncio.get_running_loop().create_future()
            await self._writer

    def fail(self, error: BaseException) -> None:
        """Break the body off: whoever iterates gets `error`, after what was put in before."""
        self._error = error
        _wake(self._reader)

    def __aiter__(self) -> "Feed":
        return self

    async def __anext__(self) -> bytes:
        while not self._chunks:
            if self._error is not None:
                raise self._error
            if self._ended or self._closed:
                raise StopAsyncIteration
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        chunk = self._chunks.popleft()
        self._buffered -= len(chunk)
        _wake(self._writer)
        return chunk

    async def aclose(self) -> None:
        """Nobody takes more: the client has gone, unless all had been put in."""
        if self._closed:
            return
        self._closed = True
        self._chunks.clear()
        self._buffered = 0
        _wake(self._writer)
        if not self._ended:
            self._on_left()


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
