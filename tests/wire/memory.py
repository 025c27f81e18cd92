"""Connections without sockets, for properties that need thousands of them: only the transport is made up."""

import asyncio
import logging
import re
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.settings import Settings
from stanchion.wire.http1.protocol import HTTP1
from stanchion.wire.server import Server
from tests.wire.live import ANY, Routes


class Pipe(asyncio.Transport):
    """The server's end: what it writes is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.ended = False
        self.reading = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.ended, "written to after its end"
        self.written += data

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.ended = True

    def abort(self) -> None:
        self.ended = True

    def is_closing(self) -> bool:
        return self.ended

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def get_write_buffer_size(self) -> int:
        return 0


class Seen(Struct):
    """A request as a handler got it; `body` is None unless it came to its end."""

    method: str
    path: str
    query: str
    fields: dict[bytes, bytes]
    body: bytes | None = None


class Played(Struct):
    """What came of one connection."""

    written: bytes
    ended: bool
    seen: list[Seen]


class Stage:
    """A server on a loop of its own that notes what its handlers see; `play` runs one connection to its end."""

    def __init__(self, **settings: Any) -> None:
        self.loop = asyncio.new_event_loop()
        self.seen: list[Seen] = []
        self.server = self.loop.run_until_complete(self._serve(Settings(**settings)))
        self.log: list[logging.LogRecord] = []

    async def _serve(self, settings: Settings) -> Server:
        return Server(Routes({ANY: self._note}), settings, asyncio.get_running_loop())

    async def _note(self, request: Request) -> Response:
        seen = Seen(request.method, request.path, request.query_string, dict(request.fields))
        self.seen.append(seen)
        seen.body = await request.body()
        return Response(b"%d" % len(self.seen), media_type="text/plain")

    def close(self) -> None:
        self.server.stop()
        self.loop.close()

    def play(self, parts: Iterable[bytes]) -> Played:
        """The parts arrive one after the other, each once the server has done all it can about those before."""
        return self.loop.run_until_complete(self._play(parts))

    async def _play(self, parts: Iterable[bytes]) -> Played:
        self.seen.clear()
        connection, pipe = HTTP1(self.server), Pipe()
        connection.connection_made(pipe)
        for part in parts:
            if part and not pipe.ended:
                connection.data_received(part)
            await _settled(connection)
            assert pipe.reading
        ended = pipe.ended
        connection.connection_lost(None)
        await asyncio.sleep(0)
        assert not self.server.connections
        return Played(bytes(pipe.written), ended, list(self.seen))


async def _settled(connection: HTTP1) -> None:
    """Wait until only more bytes can bring it further."""
    for _ in range(10_000):
        await asyncio.sleep(0)
        request = connection._request
        if request is None and not connection._pending and not connection._full:
            return
        if request is not None and request.stream is not None and request.stream is connection._incoming:
            await asyncio.sleep(0)
            return
    raise AssertionError("the connection does not come to rest")


def comparable(written: bytes) -> bytes:
    """Without what may differ between two runs: the date, request ids, and whether a body was waited for."""
    written = re.sub(rb"\r\ndate: [^\r]*", b"", written).replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
    return written.replace(b"\r\nconnection: keep-alive", b"")
