"""A streamed body that may be stored: read at its origin's pace, for its first client and for those who wait.

The first client must not set the pace: a slow one would keep all the others waiting. So the body is read into memory up
to the size of the largest entry; what is larger is not stored, and its rest goes to the client at the client's pace.
"""

import asyncio
from collections.abc import AsyncIterator


class Filling:
    """One body on its way; `fill` reads it and `chunks` gives it to the first client, at the same time."""

    def __init__(self, source: AsyncIterator[bytes], most: int) -> None:
        """`source` is read once; `most` is the size, in bytes, up to which it is kept."""
        self._source = source
        self._most = most
        self._chunks: list[bytes] = []
        self._size = 0
        self._error: Exception | None = None
        self._ended = False
        self._over = False
        self._more = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Filling, {self._size} of up to {self._most} bytes{', ended' if self._ended else ''}>"

    async def fill(self) -> bytes | None:
        """The whole body; None where it is too large, or breaks off."""
        try:
            async for chunk in self._source:
                self._chunks.append(chunk)
                self._size += len(chunk)
                self._over = self._size > self._most
                self._more.set()
                if self._over:
                    return None
        except Exception as error:  # the client's connection has to break as well
            self._error = error
            return None
        finally:
            self._ended = not self._over
            self._more.set()
        return b"".join(self._chunks)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body for the first client."""
        at = 0
        try:
            while True:
                while at < len(self._chunks):
                    chunk = self._chunks[at]
                    at += 1
                    yield chunk
                if self._over or self._ended:
                    break
                self._more.clear()
                await self._more.wait()
            if self._error is not None:
                raise self._error
            if self._over:
                self._chunks.clear()
                async for chunk in self._source:
                    yield chunk
        finally:
            if self._over:
                await self.close()

    async def close(self) -> None:
        """Let go of the source."""
        close = getattr(self._source, "aclose", None)
        if close is not None:
            await close()
