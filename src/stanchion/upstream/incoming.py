"""The body of an answer while it arrives: chunks from the upstream, at the pace of whoever takes them."""

import asyncio
from typing import Protocol, Self


class Source(Protocol):
    """Where the chunks come from."""

    def resume_body(self) -> None: ...

    def give_up(self) -> None: ...


class Incoming:
    """An async iterator of bytes with one reader; what has gathered since it last looked is one chunk."""

    __slots__ = ("_chunks", "_error", "_over", "_source", "_waiter", "waiting")

    def __init__(self, source: Source) -> None:
        self._source = source
        self._chunks: list[bytes] = []
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._over = False
        self.waiting = 0  # bytes

    def __repr__(self) -> str:
        state = "failed" if self._error else "complete" if self._over else "open"
        return f"<Incoming {state}, {self.waiting} bytes waiting>"

    def feed(self, chunk: bytes) -> None:
        """A chunk has arrived."""
        self._chunks.append(chunk)
        self.waiting += len(chunk)
        self._wake()

    def finish(self) -> None:
        """That was the last one."""
        self._over = True
        self._wake()

    def fail(self, error: Exception) -> None:
        """No more will come, though there should be more."""
        if not self._over:
            self._error = error
            self._over = True
            self._wake()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        while not self._chunks:
            if self._error is not None:
                raise self._error
            if self._over:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        chunk = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self.waiting = 0
        if not self._over:
            self._source.resume_body()
        return chunk

    async def aclose(self) -> None:
        """Take no more; what is still to come costs the connection."""
        self._chunks.clear()
        if not self._over:
            self._over = True
            self._source.give_up()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
