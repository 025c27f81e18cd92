"""What the connections of one worker share: limits, the Date line, and the sweep that enforces timeouts.

Timers a connection would be the textbook way; ten thousand of them cost memory and re-arming on every request. Instead
a connection notes what it waits for and since when (two stores), and a sweep looks at all of them about once a second:
1 ms for 10,000 connections. Timeouts are therefore exact to one sweep.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from email.utils import formatdate
from fcntl import ioctl
from functools import partial
from sys import byteorder
from termios import TIOCOUTQ
from typing import Any, Protocol

from stanchion.errors import HTTPError
from stanchion.routing.route import Endpoint
from stanchion.settings import Settings
from stanchion.wire.phases import HEAD, IDLE, LINGER, NAMES, WRITE


class Served(Protocol):
    """What is served: a compiled app, or a mounted one."""

    app: Any

    def find(self, method: str, path: str) -> tuple[Endpoint, Sequence[Any]] | tuple[None, list[str]]:
        """Method and raw path to an endpoint and its captured segments, or to None and the methods the path allows."""

    def missing(self, method: str, allowed: Sequence[str]) -> Endpoint:
        """The endpoint that answers what `find` did not find."""


_LINGER_SECONDS = 2.0
_SLICE = 16 * 1024
"""Bytes parsed in one go: bounds the requests one read can hold (about 500)."""


class Connection(Protocol):
    """What the sweep and the drain need of a connection."""

    phase: int
    since: float
    body_since: float
    body_mark: int
    unsent: int
    transport: asyncio.Transport

    def body_progress(self) -> int | None: ...

    def refuse(self, error: HTTPError) -> None: ...

    def shut(self) -> None: ...

    def cancel_for_shutdown(self) -> None: ...


class Server:
    """Shared state of a worker's connections. Attributes read on the request path are plain and flat."""

    def __init__(self, served: Served, settings: Settings, loop: asyncio.AbstractEventLoop) -> None:
        self.find = served.find
        self.missing = served.missing
        self.app = served.app
        self.settings = settings
        self.loop = loop
        self.max_request_line = settings.max_request_line
        self.max_header_bytes = settings.max_header_bytes
        self.max_headers = settings.max_headers
        self.max_requests = settings.max_requests_per_connection
        self.max_pipelined = settings.max_pipelined
        self.max_query_params = settings.max_query_params
        self.body_buffer = settings.body_buffer
        self.slice_size = min(_SLICE, settings.max_header_bytes)
        self.task = partial(asyncio.Task, loop=loop)  # 0.5 µs less than loop.create_task
        self.connections: set[Connection] = set()
        self.refused = 0
        self.now = loop.time()
        self.date = self.date_close = self.date_keep = b""
        self._draining: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        shortest = min(
            settings.keep_alive_timeout, settings.header_timeout, settings.body_grace, settings.write_timeout
        )
        self._interval = min(1.0, shortest / 4)
        self._tick()

    def __repr__(self) -> str:
        return f"<Server {len(self.connections)} connections{' draining' if self._draining else ''}>"

    def statistics(self) -> dict[str, int]:
        """Connections by what they wait for, and those refused since the start."""
        counts = dict.fromkeys(NAMES, 0)
        for connection in self.connections:
            counts[NAMES[connection.phase]] += 1
        return {"connections": len(self.connections), "refused": self.refused, **counts}

    def opened(self, connection: Connection) -> None:
        """Take in a connection, or turn it away when there are too many or the server is draining."""
        self.connections.add(connection)
        transport = connection.transport
        transport.set_write_buffer_limits(high=self.settings.write_buffer)
        if len(self.connections) > self.settings.max_connections or self._draining is not None:
            self.refused += 1
            error = HTTPError(
                "too many open connections", status=503, code="too-many-connections", headers={"Retry-After": "1"}
            )
            connection.refuse(error)

    def closed(self, connection: Connection) -> None:
        """Forget a connection."""
        self.connections.discard(connection)
        if self._draining is not None and not self.connections and not self._draining.done():
            self._draining.set_result(None)

    async def drain(self, timeout: float) -> None:
        """Close idle connections, wait up to `timeout` seconds for owed answers, then cancel what is left."""
        self._draining = self.loop.create_future()
        for connection in list(self.connections):
            connection.shut()
        if self.connections:
            await asyncio.wait([self._draining], timeout=timeout)
        for connection in list(self.connections):
            connection.cancel_for_shutdown()
        for _ in range(10):  # let cancelled handlers clean up and answers leave
            if not self.connections:
                break
            await asyncio.sleep(0.01)
        for connection in list(self.connections):
            connection.transport.abort()

    def stop(self) -> None:
        """End the sweep."""
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        self.now = self.loop.time()
        line = b"\r\ndate: " + formatdate(usegmt=True).encode()
        self.date = line + b"\r\n\r\n"
        self.date_close = line + b"\r\nconnection: close\r\n\r\n"
        self.date_keep = line + b"\r\nconnection: keep-alive\r\n\r\n"
        self._timer = self.loop.call_later(self._interval, self._tick)
        self.sweep()

    def sweep(self) -> None:
        """Cut the connections that have waited too long."""
        limits = self.settings
        waits = {
            IDLE: limits.keep_alive_timeout,
            HEAD: limits.header_timeout,
            WRITE: limits.write_timeout,
            LINGER: _LINGER_SECONDS,
        }
        now = self.now
        for connection in list(self.connections):
            phase = connection.phase
            if phase >= WRITE and (unsent := _unsent(connection.transport)):
                self._check_write(connection, unsent)
            elif phase in waits and now - connection.since > waits[phase]:
                _expire(connection)
            if now - connection.body_since > limits.body_grace:
                self._check_body(connection)

    def _check_write(self, connection: Connection, unsent: int) -> None:
        """Cut a client that has read nothing for `write_timeout`; one that reads slowly is let be."""
        if unsent != connection.unsent:
            connection.unsent = unsent
            connection.since = self.now
        elif self.now - connection.since > self.settings.write_timeout:
            connection.transport.abort()

    def _check_body(self, connection: Connection) -> None:
        """Cut a body that arrives slower than `body_min_rate`, judged over windows of `body_grace`."""
        received = connection.body_progress()
        window = self.now - connection.body_since
        connection.body_since = self.now
        if received is None:
            return
        if received - connection.body_mark < self.settings.body_min_rate * window:
            connection.refuse(HTTPError("the body arrives too slowly", status=408, code="body-too-slow"))
        connection.body_mark = received


def _unsent(transport: asyncio.Transport) -> int:
    """Bytes the client has yet to take, the kernel's among them: it asks for more only when a third of them is gone."""
    unsent = transport.get_write_buffer_size()
    socket = transport.get_extra_info("socket")
    if socket is not None:
        with suppress(OSError, ValueError):  # closed meanwhile
            unsent += int.from_bytes(ioctl(socket.fileno(), TIOCOUTQ, bytes(4)), byteorder)
    return unsent


def _expire(connection: Connection) -> None:
    if connection.phase == HEAD:
        connection.refuse(HTTPError("the request's head is late", status=408, code="header-timeout"))
    elif connection.phase == IDLE:
        connection.shut()
    else:
        connection.transport.abort()
