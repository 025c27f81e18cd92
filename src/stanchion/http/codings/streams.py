"""Bodies that are compressed as they are sent, and large ones that are in a thread."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from stanchion.http.codings.encoders import Encoder
from stanchion.http.response import Response, Stream

OFF_LOOP = 65_536
"""Bytes from which they are compressed in a thread: 0.1 to 0.4 ms of work, where the way there and back costs 0.07."""
SLICE = 262_144
"""Bytes of a large body that a thread takes at a time."""


class CodedStream(Stream):
    """A stream in a coding. What the source gives is sent at once: a client that waits for it can decode it."""

    encoder: Any = None
    """An `Encoder`, not yet used."""
    source: Any = None
    """The `Stream`; `body` is what it has there, to be closed."""

    async def chunks(self) -> AsyncIterator[bytes]:
        """See `Stream`."""
        encoder: Encoder = self.encoder
        async with aclosing(self.source.chunks()) as chunks:
            async for chunk in chunks:
                if len(chunk) >= OFF_LOOP:
                    yield await _in_thread(encoder.through, chunk)
                elif chunk:
                    yield encoder.through(chunk)
        self.trailers = self.source.trailers
        yield encoder.finish()


class CodedBody(Stream):
    """A large `body` of bytes in a coding, made in a thread: at once for who can wait, else as the client takes it."""

    encoder: Any = None
    """An `Encoder`, not yet used."""

    async def whole(self) -> Response:
        """The response with its body coded, and so with a Content-Length."""
        encoder: Encoder = self.encoder
        coded = await _in_thread(encoder.all_of, self.body)
        return Response(
            coded, self.status, self.media_type, self.headers, self.more_headers, fields=self.fields, date=self.date
        )

    async def chunks(self) -> AsyncIterator[bytes]:
        """See `Stream`."""
        encoder: Encoder = self.encoder
        body = memoryview(self.body)
        for start in range(0, len(body), SLICE):
            yield await _in_thread(encoder.feed, body[start : start + SLICE])
        yield await _in_thread(encoder.finish)


async def _in_thread(work: Any, *data: Any) -> bytes:
    coded: bytes = await asyncio.get_running_loop().run_in_executor(None, work, *data)
    return coded
