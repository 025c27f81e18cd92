"""The listening sockets a worker accepts from: its slot's, and those of slots that nobody serves for the moment."""

import asyncio
import socket
from collections.abc import Iterable, Sequence
from contextlib import suppress

from stanchion.wire.http1.proxied import connection_of
from stanchion.wire.server import Server

_ACCEPTS = 8
"""Times that the loop watches each socket: uvloop accepts one connection a turn for each. With one, a
loop whose turns take 25 ms under load takes in 40 connections a second; the others wait in the backlog, where
nobody can refuse them. It costs a new connection 10 µs, in calls of accept that find nothing."""


class Accepting:
    """Starts and stops accepting; the sockets themselves stay open with the supervisor."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._sockets: dict[int, Sequence[socket.socket]] = {}
        self._listening: dict[int, list[asyncio.Server]] = {}

    def __repr__(self) -> str:
        return f"<Accepting for slots {sorted(self._listening)}>"

    async def start(self, slot: int, listeners: Sequence[socket.socket]) -> None:
        """Accept from a slot's sockets."""
        self.stop(slot)
        self._sockets[slot] = listeners
        listening = [
            await self._server.loop.create_server(
                lambda: connection_of(self._server), sock=listener.dup(), backlog=self._server.settings.backlog
            )
            for listener in listeners
            for _ in range(_ACCEPTS)
        ]
        if self._sockets.get(slot) is listeners:
            self._listening[slot] = listening
        else:  # told to stop meanwhile
            _close(listening)

    def stop(self, slot: int) -> None:
        """Leave a slot's sockets, and what waits in them, to another worker."""
        _close(self._listening.pop(slot, ()))
        for listener in self._sockets.pop(slot, ()):
            listener.close()

    def stop_all(self) -> None:
        """Leave all of them to others."""
        for slot in list(self._sockets):
            self.stop(slot)

    async def finish(self) -> None:
        """Take in who has connected already, then close: whoever comes later is refused, nobody is reset."""
        for servers in self._listening.values():
            _close(servers)
        self._listening.clear()
        sockets, self._sockets = self._sockets, {}
        for listeners in sockets.values():
            for listener in listeners:
                await self._take_waiting(listener)
                listener.close()

    async def _take_waiting(self, listener: socket.socket) -> None:
        with suppress(OSError):  # BlockingIOError: no more wait
            while True:
                connection, _ = listener.accept()
                connection.setblocking(False)
                await self._server.loop.connect_accepted_socket(lambda: connection_of(self._server), connection)


def _close(servers: Iterable[asyncio.Server]) -> None:
    for server in servers:
        server.close()
