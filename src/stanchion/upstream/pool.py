"""The connections to one upstream: kept, bounded, and the one used last is used next.

Last in, first out, so that after a peak the surplus grows idle and closes, and the few in use stay warm. A caller for
whom there is no room waits, first come first served, for a connection or for a place. One sweep looks after all
timeouts: a timer a request would cost 1 µs, which is a twentieth of a proxied request.
"""

import asyncio
import logging
from collections import deque
from functools import cached_property
from ssl import SSLContext

from stanchion.http.response import Response
from stanchion.upstream.connection import Connection
from stanchion.upstream.failures import UpstreamFailure, UpstreamUnreachable, busy, connecting_took_too_long
from stanchion.upstream.limits import Limits
from stanchion.upstream.outgoing import Outgoing
from stanchion.upstream.target import Target

_log = logging.getLogger("stanchion.upstream")
_MOST_WAITING = 4096


class Pool:
    """Of one worker; made at start, it belongs to the loop that first asks it."""

    loop: asyncio.AbstractEventLoop

    def __init__(self, target: Target, limits: Limits | None = None) -> None:
        self.target = target
        self.limits = limits or Limits()
        self.now = 0.0
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._opening = 0
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._connects = self._again = 0
        self._closed = False
        shortest = min(self.limits.answer_timeout, self.limits.body_timeout, self.limits.keep)
        self._interval = min(1.0, shortest / 4)

    def __repr__(self) -> str:
        return f"<Pool of {self.target}: {len(self._open)} open, {len(self._idle)} idle>"

    def statistics(self) -> dict[str, int]:
        """Connections now, those made since the start, and requests sent anew because a kept one had ended."""
        return {
            "open": len(self._open),
            "idle": len(self._idle),
            "waiting": len(self._waiting),
            "connects": self._connects,
            "again": self._again,
        }

    @property
    def busy(self) -> int:
        """Connections in use, those being made, and callers that wait for one."""
        return len(self._open) - len(self._idle) + self._opening + len(self._waiting)

    @cached_property
    def _ssl(self) -> SSLContext | None:
        return self.target.ssl_context()

    async def send(self, request: Outgoing) -> Response:
        """Send a request; its answer, or the beginning of it.

        A kept connection that has ended without a byte of an answer was closing as the request left: it is sent again,
        once, if it may be.

        Raises:
            UpstreamFailure: there is no answer.
            HTTPError: the request's own body cannot be read to its end.
        """
        idle = self._idle
        while idle:
            connection = idle.pop()
            if not connection.usable:
                continue
            try:
                return await connection.exchange(request)
            except UpstreamFailure as failure:
                if not (failure.stale and request.repeatable):
                    raise
            self._again += 1
            return await (await self._connect()).exchange(request)
        return await (await self._take()).exchange(request)

    def open(self) -> None:
        """Keep connections again, after `close`."""
        self._closed = False

    async def close(self) -> None:
        """Close what is idle now, and the rest when it is."""
        self._closed = True
        for connection in list(self._idle):
            connection.abort()
        self._idle.clear()
        await asyncio.sleep(0)

    # Connections

    @property
    def _room(self) -> bool:
        return len(self._open) + self._opening < self.limits.connections

    async def _take(self) -> Connection:
        if self._room:
            return await self._connect()
        if len(self._waiting) >= _MOST_WAITING:
            raise busy(f"{self.limits.connections} requests are on their way to the upstream")
        try:
            async with asyncio.timeout(self.limits.connect_timeout):
                while True:
                    connection = await self._wait()
                    if connection is not None and connection.usable:
                        return connection
                    if self._room:
                        break
        except TimeoutError:
            raise busy(f"{self.limits.connections} requests are on their way to the upstream") from None
        return await self._connect()

    async def _wait(self) -> Connection | None:
        """A connection that has become free, or None: there may be room for one."""
        waiter: asyncio.Future[Connection | None] = self.loop.create_future()
        self._waiting.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                if waiter in self._waiting:
                    self._waiting.remove(waiter)
            elif (connection := waiter.result()) is not None and connection.usable:
                self.release(connection)
            else:
                self._tell_of_room()
            raise

    async def _connect(self) -> Connection:
        self.loop = loop = asyncio.get_running_loop()
        self.now = loop.time()
        connection = Connection(self, self.limits)
        target = self.target
        self._opening += 1
        try:
            async with asyncio.timeout(self.limits.connect_timeout):
                if target.path is not None:
                    await loop.create_unix_connection(lambda: connection, target.path)
                else:
                    name = target.host if target.tls else None
                    await loop.create_connection(
                        lambda: connection, target.host, target.port, ssl=self._ssl, server_hostname=name
                    )
        except TimeoutError:
            self._broke_off(connection)
            raise connecting_took_too_long(f"no connection within {self.limits.connect_timeout:g} s") from None
        except OSError as error:
            self._broke_off(connection)
            _log.warning("no connection to %s: %s", self.target, error)
            raise UpstreamUnreachable("there is no connection to the upstream") from None
        except BaseException:
            self._broke_off(connection)
            raise
        finally:
            self._opening -= 1
        return connection

    def _broke_off(self, connection: Connection) -> None:
        connection.abandon()
        self._open.discard(connection)  # uvloop closes one whose maker is cancelled without telling it
        self.loop.call_soon(self._tell_of_room)

    def opened(self, connection: Connection) -> None:
        """Count a connection that is there."""
        self._connects += 1
        self._open.add(connection)
        if self._timer is None:
            self._tick()

    def release(self, connection: Connection) -> None:
        """Take back a connection: for whoever waits, else among the idle ones."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        if self._closed:
            connection.abort()
        else:
            self._idle.append(connection)

    def forget(self, connection: Connection) -> None:
        """A connection has ended."""
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._tell_of_room()

    def _tell_of_room(self) -> None:
        while self._waiting and self._room:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _tick(self) -> None:
        """Look after timeouts, as long as there are connections."""
        self.now = self.loop.time()
        for connection in list(self._open):
            connection.check(self.now)
        self._timer = self.loop.call_later(self._interval, self._tick) if self._open else None
