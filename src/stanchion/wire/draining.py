"""The end of a server: what is owed is answered, and every connection let go of as gently as there is time for.

With an heir, another worker that goes on, a connection moves there as soon as it owes nothing, and its client notices
nothing. Without, the next answer of each says `Connection: close`. An idle connection is closed once it has been quiet
for a while: one that was busy a moment ago may have its next request on the way, which would meet a closed connection.
"""

import asyncio
from contextlib import suppress
from fcntl import ioctl
from math import inf
from sys import byteorder
from termios import FIONREAD
from typing import Protocol

from stanchion.wire.connection import Connection, Move
from stanchion.wire.phases import HEAD, IDLE, OPEN

_QUIET = 0.3
"""Seconds without a request after which an idle connection is closed by a drain: a shorter time could be that between
two requests of a busy client, and the second would meet a closed connection."""
_PATIENCE = 5.0
"""The same where other workers go on, so that there is no hurry."""
_PASS = 0.05
"""Seconds between two looks at a draining server's connections."""


class Drained(Protocol):
    """What is needed of the server."""

    loop: asyncio.AbstractEventLoop
    connections: set[Connection]
    now: float
    interval: float
    """Seconds between two sweeps: to that a connection's `since` is exact."""
    parting: "Parting | None"


class Parting(Protocol):
    """Is told of each connection that has been answered."""

    def __call__(self, connection: Connection) -> object: ...


class Draining:
    """One server's drain; it can be had once."""

    def __init__(self, server: Drained) -> None:
        self._server = server
        self._empty: asyncio.Future[None] | None = None
        self._began = 0.0
        self._end = inf
        self._heir: Move | None = None

    def __repr__(self) -> str:
        return f"<Draining {len(self._server.connections)} connections{'' if self.begun else ', not begun'}>"

    @property
    def begun(self) -> bool:
        """No connection is expected any more."""
        return self._empty is not None

    @property
    def left(self) -> float:
        """Seconds until its time is up, at least 0."""
        return max(0.0, self._end - self._server.loop.time())

    async def run(self, timeout: float, heir: Move | None) -> None:
        """Let go of every connection, and after `timeout` seconds cancel what is left.

        The listening sockets are closed before, or left to others.
        """
        server = self._server
        self._empty = server.loop.create_future()
        self._began = server.now = server.loop.time()
        self._end = min(self._end, self._began + timeout)
        self._heir = heir
        server.parting = self.let_go
        while True:
            for connection in list(server.connections):
                self.let_go(connection)
            left = self._end - server.loop.time()
            if not server.connections or left <= 0:
                break
            await asyncio.wait([self._empty], timeout=min(_PASS, left))
            server.now = server.loop.time()
        await self._cancel_rest()

    def hurry(self, timeout: float) -> None:
        """Have a drain, one under way too, end within `timeout` seconds from now."""
        self._end = min(self._end, self._server.loop.time() + timeout)

    async def _cancel_rest(self) -> None:
        connections = self._server.connections
        for connection in list(connections):
            connection.cancel_for_shutdown()
        for _ in range(10):  # let cancelled handlers clean up and answers leave
            if not connections:
                break
            await asyncio.sleep(0.01)
        for connection in list(connections):
            connection.transport.abort()

    def let_go(self, connection: Connection) -> None:
        """Part with a connection of a draining server if it owes nothing, else see to it that it will."""
        if self._heir is not None and connection.movable:
            self._heir(connection)  # tried again at the next pass if nobody takes it now
            return
        if self._heir is None or connection.phase in (IDLE, HEAD, OPEN):
            connection.wind_down()
        if connection.phase not in (IDLE, HEAD):
            return
        patience = _QUIET if self._heir is None else _PATIENCE
        since = connection.since
        if since >= self._began - self._server.interval - patience:  # `since` is exact to one sweep
            since = max(since, self._began)
        if self._server.now - since >= patience and not _unread(connection.transport):
            connection.shut()

    def finished(self) -> None:
        """The last connection has gone."""
        if self._empty is not None and not self._empty.done():
            self._empty.set_result(None)


def _unread(transport: asyncio.Transport) -> int:
    """Bytes of a client that have arrived and not been read yet."""
    socket = transport.get_extra_info("socket")
    if socket is not None:
        with suppress(OSError, ValueError):
            return int.from_bytes(ioctl(socket.fileno(), FIONREAD, bytes(4)), byteorder)
    return 0
