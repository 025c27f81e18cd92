"""A connection that is no longer HTTP: bytes both ways as they are, at the pace of whoever is slower."""

import asyncio
from collections.abc import Callable
from math import inf

from stanchion.errors import HTTPError
from stanchion.wire.http1.connected import Connected
from stanchion.wire.phases import OPEN
from stanchion.wire.server import Server


class Tunnel(Connected):
    """The client's end; registered with the server in the place of the HTTP/1.1 connection."""

    taken_over = False
    movable = False
    body_since = inf
    body_mark = 0

    def __init__(self, server: Server, transport: asyncio.Transport, other: asyncio.Transport) -> None:
        super().__init__(server)
        self.transport = transport
        self.phase = OPEN
        self.since = server.now
        self.unsent = 0
        self._other = other

    def __repr__(self) -> str:
        return f"<Tunnel {'closing' if self.closing else 'open'}>"

    def data_received(self, data: bytes) -> None:
        self._server.received += len(data)
        if not self._other.is_closing():
            self._other.write(data)

    def eof_received(self) -> bool:
        if self._other.is_closing() or not self._other.can_write_eof():
            return False
        self._other.write_eof()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self._server.closed(self)
        self._other.close()

    def pause_writing(self) -> None:
        if not self._other.is_closing():
            self._other.pause_reading()

    def resume_writing(self) -> None:
        if not self._other.is_closing():
            self._other.resume_reading()

    # What the server asks

    def wind_down(self) -> None:
        """It ends when its ends do, or with the drain: there is no word for leaving in it."""

    def shut(self) -> None:
        """The same."""

    def cancel_for_shutdown(self) -> None:
        """The drain's time is up."""
        self.transport.abort()
        self._other.abort()

    def refuse(self, error: HTTPError) -> None:
        """Cut it."""
        self.cancel_for_shutdown()

    def body_progress(self) -> None:
        """There is no rate to keep."""
        return None


class FarEnd(asyncio.Protocol):
    """The upstream's end."""

    def __init__(self, near: Tunnel, server: Server, ended: Callable[[], object]) -> None:
        self._near = near
        self._server = server
        self._ended = ended

    def data_received(self, data: bytes) -> None:
        self._server.sent += len(data)
        if not self._near.closing:
            self._near.transport.write(data)

    def eof_received(self) -> bool:
        near = self._near.transport
        if self._near.closing or not near.can_write_eof():
            return False
        near.write_eof()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self._near.transport.close()
        self._ended()

    def pause_writing(self) -> None:
        if not self._near.closing:
            self._near.transport.pause_reading()

    def resume_writing(self) -> None:
        if not self._near.closing:
            self._near.transport.resume_reading()
