"""A streamed body that may be stored: read at its origin's pace, for its first client and for those who wait.

The first client must not set the pace: a slow one would keep all the others waiting. So the body is read into memory up
to the size of the largest entry. What is larger, or takes too long, is not stored: its rest is for the first client, at
that client's pace, and ends when that client leaves.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Self


class Filling:
    """One body on its way: `whole` is for the cache, and the iterator for the first client, at the same time."""

    def __init__(self, source: AsyncIterator[bytes], most: int) -> None:
        """`source` is read once, from now on; `most` is the size, in bytes, up to which it is kept."""
        self._source = source
        self._most = most
        self._chunks: list[bytes] = []
        self._size = 0
        self._at = 0
        self._error: Exception | None = None
        self._over = self._ended = self._gone = self._closed = False
        self._more = asyncio.Event()
        self._reading = asyncio.get_running_loop().create_task(self._read())

    def __repr__(self) -> str:
        return f"<Filling, {self._size} of up to {self._most} bytes{', ended' if self._ended else ''}>"

    async def whole(self, seconds: float) -> bytes | None:
        """The whole body; None where it is too large, breaks off, or is not there in time."""
        await asyncio.wait({self._reading}, timeout=seconds)
        if not self._ended:
            self._over = True
            await self._let_go()
        return None if self._over or self._error is not None else b"".join(self._chunks)

    async def _read(self) -> None:
        try:
            async for chunk in self._source:
                self._chunks.append(chunk)
                self._size += len(chunk)
                self._over = self._over or self._size > self._most
                self._more.set()
                if self._over:
                    break
        except Exception as error:  # the client's connection has to break as well
            self._error = error
        except asyncio.CancelledError:
            self._error = ConnectionAbortedError("the body was read no further")
            raise
        finally:
            self._ended = True
            self._more.set()
        await self._let_go()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """The next piece for the first client."""
        while self._at == len(self._chunks):
            if self._ended:
                return await self._rest()
            self._more.clear()
            await self._more.wait()
        chunk = self._chunks[self._at]
        self._at += 1
        return chunk

    async def _rest(self) -> bytes:
        if self._error is not None:
            raise self._error
        if not self._over:
            raise StopAsyncIteration
        self._chunks.clear()
        self._at = 0
        return await anext(self._source)

    async def aclose(self) -> None:
        """The first client has all of it, or has left; what may be stored is read on."""
        self._gone = True
        await self._let_go()

    async def _let_go(self) -> None:
        """Close the source as soon as nobody wants any more of it."""
        if self._closed or not (self._over and self._gone):
            return
        self._closed = True
        if not self._ended:
            self._reading.cancel()
            await asyncio.wait({self._reading})
        close = getattr(self._source, "aclose", None)
        if close is not None:
            await close()
