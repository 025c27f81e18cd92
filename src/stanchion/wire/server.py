"""What the connections of one worker share: limits, metrics, the Date line, and the sweep that enforces timeouts.

Timers a connection would be the textbook way; ten thousand of them cost memory and re-arming on every request. Instead
a connection notes what it waits for and since when (two stores), and a sweep looks at all of them about once a second:
1 ms for 10,000 connections. Timeouts are therefore exact to one sweep.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import copy_context
from email.utils import formatdate
from fcntl import ioctl
from functools import partial
from sys import byteorder
from termios import TIOCOUTQ
from typing import Any, Protocol

from stanchion.board import Board
from stanchion.board.layout import MALFORMED, RESERVED
from stanchion.errors import HTTPError
from stanchion.http.client import parse_proxies
from stanchion.http.request import Request
from stanchion.routing.route import Endpoint
from stanchion.settings import Settings
from stanchion.telemetry.access_log import AccessLog
from stanchion.telemetry.decisions import Decisions
from stanchion.telemetry.meter import ACCEPTED, CONNECTIONS, RECEIVED, REFUSED, SENT, Meter
from stanchion.telemetry.spans import Tracer
from stanchion.wire.admission import Admission
from stanchion.wire.connection import Connection, Move
from stanchion.wire.draining import Draining
from stanchion.wire.http1.shelf import Shelf
from stanchion.wire.phases import HEAD, IDLE, LINGER, NAMES, WRITE


class Served(Protocol):
    """What is served: a compiled app, or a mounted one."""

    app: Any

    def find(self, method: str, path: str) -> tuple[Endpoint, Sequence[Any]] | tuple[None, list[str]]:
        """Method and raw path to an endpoint and its captured segments, or to None and the methods the path allows."""

    def missing(self, method: str, allowed: Sequence[str]) -> Endpoint:
        """The endpoint that answers what `find` did not find."""

    def decisions(self) -> Decisions:
        """What the app's protections have decided so far."""


_MALFORMED = ("", RESERVED[MALFORMED])
_LINGER_SECONDS = 2.0
_SLICE = 16 * 1024
"""Bytes parsed in one go: bounds the requests one read can hold (about 500)."""


class Server:
    """Shared state of a worker's connections. Attributes read on the request path are plain and flat.

    `meter` counts into the worker's row of the board, or into a board of its own; `log` gets a line for each request,
    `tracing` is asked for its span.
    """

    def __init__(
        self,
        served: Served,
        settings: Settings,
        loop: asyncio.AbstractEventLoop,
        *,
        meter: Meter | None = None,
        log: AccessLog | None = None,
        tracing: Tracer | None = None,
    ) -> None:
        self.meter = meter or Meter(Board.private(series=settings.max_series), 0)
        self.cells = self.meter.cells
        self.ended = self.meter.end
        self.log, self.tracing = log, tracing
        self.received = self.sent = 0  # bytes since the last tick
        self.request_ids = settings.request_ids
        self.place: Move | None = None
        """Asked for each new connection: another worker may have fewer."""
        self.parting: Callable[[Connection], object] | None = None
        """Told of each connection that has been answered, while there are some to part with."""
        self.find = served.find
        self.missing = served.missing
        self.app = served.app
        self.decisions = served.decisions
        self.loop = loop
        self.context = copy_context()  # of no request: what lets one begin must not run in that of another client's
        self._copy(settings)
        self.task = partial(asyncio.Task, loop=loop)  # 0.5 µs less than loop.create_task
        self.connections: set[Connection] = set()
        self.now = loop.time()
        self.date = self.date_close = self.date_keep = b""
        self.draining = Draining(self)
        self._timer: asyncio.TimerHandle | None = None
        shortest = min(
            settings.keep_alive_timeout, settings.header_timeout, settings.body_grace, settings.write_timeout
        )
        self.interval = min(1.0, shortest / 4)
        self.admission = Admission(settings, loop, self.cells, self.context) if settings.admission else None
        self.shelf = Shelf()
        self._tick()

    def _copy(self, settings: Settings) -> None:
        """Settings that requests are held to, each one look-up away."""
        self.settings = settings
        self.max_request_line = settings.max_request_line
        self.max_header_bytes = settings.max_header_bytes
        self.max_headers = settings.max_headers
        self.max_requests = settings.max_requests_per_connection
        self.max_pipelined = settings.max_pipelined
        self.max_query_params = settings.max_query_params
        self.proxies = parse_proxies(settings.trusted_proxies, settings.forwarded_header)
        self.body_buffer = settings.body_buffer
        self.slice_size = min(_SLICE, settings.max_header_bytes)

    def __repr__(self) -> str:
        return f"<Server {len(self.connections)} connections{' draining' if self.draining.begun else ''}>"

    def statistics(self) -> dict[str, int]:
        """Connections by what they wait for, and those refused since the start."""
        counts = dict.fromkeys(NAMES, 0)
        for connection in self.connections:
            counts[NAMES[connection.phase]] += 1
        return {"connections": len(self.connections), "refused": self.cells[REFUSED], **counts}

    def opened(self, connection: Connection) -> None:
        """Take in a connection, pass it on, or turn it away when there are too many."""
        cells = self.cells
        self.connections.add(connection)
        if not connection.taken_over:
            cells[ACCEPTED] += 1
        cells[CONNECTIONS] = len(self.connections)
        connection.transport.set_write_buffer_limits(high=self.settings.write_buffer)
        if self.draining.begun:
            self.draining.let_go(connection)
        elif self.place is not None and not connection.taken_over and self.place(connection):
            return
        if len(self.connections) > self.settings.max_connections:
            cells[REFUSED] += 1
            error = HTTPError(
                "too many open connections", status=503, code="too-many-connections", headers={"Retry-After": "1"}
            )
            connection.refuse(error)

    def closed(self, connection: Connection) -> None:
        """Forget a connection."""
        self.connections.discard(connection)
        self.cells[CONNECTIONS] = len(self.connections)
        if self.draining.begun and not self.connections:
            self.draining.finished()

    def series_of(self, request: Request, endpoint: Endpoint) -> int:
        """Where the metrics of a request are, also when its endpoint does not know yet, or stands for many routes: of a
        method each, of which there are nine (`http1.framing.METHODS`)."""
        if endpoint.label is not None:
            return self.meter.series(request.method, endpoint.label(request))
        if endpoint.series < 0:
            endpoint.series = self.meter.series(endpoint.route.method, endpoint.route.template)
        return endpoint.series

    def settle_counts(self) -> None:
        """Bring what is counted here to where it belongs: at each tick, since a cell of the board costs three times
        what an attribute does."""
        self.cells[RECEIVED] += self.received
        self.cells[SENT] += self.sent
        self.received = self.sent = 0
        self.shelf.tell()
        self.meter.decided(self.decisions())

    def turned_away(self, status: int, size: int) -> None:
        """Count the answer to a message that did not become a request."""
        self.sent += size
        self.ended(self.meter.series(*_MALFORMED), status, 0)

    async def drain(self, timeout: float, heir: Move | None = None) -> None:
        """Take no more, and let go of every connection within `timeout` seconds; see `Draining`."""
        await self.draining.run(timeout, heir)

    def stop(self) -> None:
        """End the sweep."""
        self.settle_counts()
        if self.admission is not None:
            self.admission.stop()
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        self.now = self.loop.time()
        line = b"\r\ndate: " + formatdate(usegmt=True).encode()
        self.date = line + b"\r\n\r\n"
        self.date_close = line + b"\r\nconnection: close\r\n\r\n"
        self.date_keep = line + b"\r\nconnection: keep-alive\r\n\r\n"
        self._timer = self.loop.call_later(self.interval, self._tick)
        self.settle_counts()
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
            if phase in (WRITE, LINGER) and (unsent := _unsent(connection.transport)):
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
