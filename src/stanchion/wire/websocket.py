"""A WebSocket connection (RFC 6455) on a transport that HTTP/1.1 has handed over.

The handshake is a request like any other: the endpoint's call, policies and all, answers it with 101 or a refusal.
After that the app takes messages with `next` and sends them with `send`, at the pace of whoever is slower.
"""

import asyncio
from collections import deque
from math import inf
from time import monotonic_ns

from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN as PROTOCOL_OPEN

from stanchion.asgi.messages import ClientLeft, until_open
from stanchion.asgi.websocket import Closed
from stanchion.errors import HTTPError
from stanchion.http.problem import problem, unexpected
from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.http.sendable import body_bytes
from stanchion.routing.route import Endpoint
from stanchion.wire.http1.connected import Connected
from stanchion.wire.http1.encode import whole
from stanchion.wire.phases import HANDLE, LINGER, OPEN, WRITE
from stanchion.wire.server import Server
from stanchion.wire.websocket_opening import Opening

_PING_INTERVAL = 20.0
"""Seconds: below the idle time-out of most proxies, 60 s."""
_ABNORMAL, _GOING_AWAY, _NOT_UTF8, _DEAD = 1006, 1001, 1007, 1011
_DATA = frozenset((Opcode.TEXT, Opcode.BINARY, Opcode.CONT))


class WebSocket(Connected):
    """One connection, from its handshake to its end; registered with the server in the place of the HTTP/1.1 one."""

    http_version = "1.1"
    taken_over = False
    movable = False
    body_since = inf
    body_mark = 0

    def __init__(self, server: Server, transport: asyncio.Transport, opening: Opening) -> None:
        super().__init__(server)
        self.transport = transport
        self.phase = HANDLE
        self.since = server.now
        self.unsent = 0
        self._opening = opening
        self._protocol = opening.protocol
        self._open: asyncio.Future[None] = server.loop.create_future()
        self._task: asyncio.Task[None] | None = None
        self._parts: list[bytes] = []
        self._is_text = False
        self._messages: deque[str | bytes] = deque()
        self._waiting = 0  # bytes of messages not taken
        self._reading = True
        self._end: Closed | None = None
        self._reader: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None  # while the transport holds too much
        self._heard = True  # something has come since the last ping
        self._leaving = False  # the server drains
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<WebSocket {self._protocol.state.name.lower()}, {self._waiting} bytes waiting>"

    # The handshake

    def begin(self, request: Request, endpoint: Endpoint) -> None:
        """Have the endpoint answer the handshake."""
        self._server.meter.begin()
        self._task = self._server.task(self._shake_hands(request, endpoint))

    async def _shake_hands(self, request: Request, endpoint: Endpoint) -> None:
        assert endpoint.websocket is not None
        status = 0
        try:
            response = await endpoint.websocket(request)
            status = self._answer(request, response)
        except HTTPError as error:
            status = self._refuse(request, problem(error, request))
        except Exception as error:
            status = self._refuse(request, unexpected(request, error))
        finally:
            self._task = None
            self._count(request, endpoint, status)
            if not self._open.done():
                self._open.cancel()

    def _answer(self, request: Request, response: Response) -> int:
        if response.status != 101:
            return self._refuse(request, response)
        if self.closing:
            return 0
        self._opening.accept(response)
        self.phase = OPEN
        self._flush()
        self._timer = self._server.loop.call_later(_PING_INTERVAL, self._beat)
        self._open.set_result(None)
        if self._leaving:
            self.shut()
        return 101

    def _refuse(self, request: Request, response: Response) -> int:
        """Answer as plain HTTP, and close: what the client sends next may be frames."""
        if not self.closing:
            body = response.body if type(response.body) is bytes else body_bytes(response)
            data = whole(response, body, self._server.date_close, head_only=False)
            self._write(data)
            self.phase = LINGER
            self.since = self._server.now
            self.transport.close()
        return response.status

    def _count(self, request: Request, endpoint: Endpoint, status: int) -> None:
        server = self._server
        taken = (monotonic_ns() - request.began) // 1000
        server.meter.finish()
        server.ended(server.series_of(request, endpoint), status, taken)
        if server.log is not None:
            peer = self.client
            server.log.add(request, status, 0, taken, peer[0] if peer else "-")

    # What an app asks

    async def opened(self) -> None:
        """Wait until the 101 is out.

        Raises:
            ClientLeft: it will not be, for a policy has refused, or the client has gone.
        """
        await until_open(self._open)

    async def next(self) -> str | bytes | Closed:
        """The next message, or how the connection has ended."""
        while not self._messages:
            if self._end is not None:
                return self._end
            self._reader = self._server.loop.create_future()
            await self._reader
        message = self._messages.popleft()
        self._waiting -= len(message)
        if not self._reading and self._waiting <= self._server.body_buffer and not self.closing:
            self._reading = True
            self.transport.resume_reading()
        return message

    async def send(self, message: str | bytes) -> None:
        """Send a message, after waiting until the client has taken enough of those before.

        Raises:
            ClientLeft: the connection is closed, or closing.
        """
        if self._protocol.state is not PROTOCOL_OPEN or self.closing:
            raise ClientLeft
        if isinstance(message, str):
            self._protocol.send_text(message.encode())
        else:
            self._protocol.send_binary(message)
        self._flush()
        if self._drained is not None:
            await asyncio.shield(self._drained)

    async def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake (RFC 6455 §7.1.2); the client's part of it has `write_timeout`."""
        self._say_goodbye(code, reason)

    def _say_goodbye(self, code: int, reason: str) -> None:
        if self._protocol.state is PROTOCOL_OPEN and not self.closing:
            self._protocol.send_close(code, reason)
            self._flush()

    # Transport callbacks

    def data_received(self, data: bytes) -> None:
        """Frames; what comes before the 101 is out breaks RFC 6455 §4.1."""
        self._server.received += len(data)
        self._heard = True
        if self.phase == HANDLE:
            self.transport.abort()
            return
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode in _DATA:
                self._take(event)
        self._flush()

    def eof_received(self) -> bool:
        self._protocol.receive_eof()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._finish(Closed(_ABNORMAL, ""))
        self._server.closed(self)
        if self._task is not None:
            self._task.cancel()
        self.resume_writing()

    def pause_writing(self) -> None:
        self._drained = self._server.loop.create_future()
        self.phase = WRITE
        self.since = self._server.now

    def resume_writing(self) -> None:
        if self._drained is not None:
            self._drained.set_result(None)
            self._drained = None
        if self.phase == WRITE and self._protocol.state is PROTOCOL_OPEN:
            self.phase = OPEN

    # Frames

    def _take(self, frame: Frame) -> None:
        if frame.opcode is not Opcode.CONT:
            self._is_text = frame.opcode is Opcode.TEXT
        self._parts.append(bytes(frame.data))
        if not frame.fin:
            return
        message: str | bytes = b"".join(self._parts)
        self._parts = []
        if self._is_text:
            try:
                message = bytes(message).decode()  # type: ignore[arg-type]
            except UnicodeDecodeError:
                self._protocol.fail(_NOT_UTF8, "text that is not UTF-8")
                return
        self._messages.append(message)
        self._waiting += len(message)
        self._wake()
        if self._waiting > self._server.body_buffer and self._reading:
            self._reading = False
            self.transport.pause_reading()

    def _flush(self) -> None:
        """Send what the protocol has to say, and notice that it has come to its end."""
        for data in self._protocol.data_to_send():
            if data:
                self._write(data)
            elif not self.closing:
                self._half_close()
        if self._protocol.state is PROTOCOL_OPEN or self.phase == HANDLE:
            return
        if self.phase == OPEN:
            self.phase = WRITE
            self.since = self._server.now
        received = self._protocol.close_rcvd
        if received is not None:
            self._finish(Closed(int(received.code), received.reason))
        elif self._protocol.parser_exc is not None and self._protocol.close_sent is not None:
            self._finish(Closed(int(self._protocol.close_sent.code), self._protocol.close_sent.reason))

    def _half_close(self) -> None:
        """Close our side; closing both with unread bytes would reset away the close frame."""
        self.phase = LINGER
        self.since = self._server.now
        if not self._reading:
            self._reading = True
            self.transport.resume_reading()
        try:
            self.transport.write_eof()
        except (OSError, NotImplementedError):  # reset meanwhile, or TLS
            self.transport.close()

    def _write(self, data: bytes) -> None:
        self._server.sent += len(data)
        self.transport.write(data)

    def _finish(self, end: Closed) -> None:
        if self._end is None:
            self._end = end
            self._wake()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def _beat(self) -> None:
        """Ping; a client that has sent nothing since the last one, not even the pong, is gone."""
        if self.closing or self._protocol.state is not PROTOCOL_OPEN:
            return
        if self._heard or not self._reading:
            self._heard = False
            self._protocol.send_ping(b"")
        else:
            self._protocol.fail(_DEAD, "no answer to a ping")
            self._finish(Closed(_ABNORMAL, ""))
        self._flush()
        self._timer = self._server.loop.call_later(_PING_INTERVAL, self._beat)

    # What the server asks

    def wind_down(self) -> None:
        """Tell the client to go elsewhere: 1001."""
        self._leaving = True
        self._say_goodbye(_GOING_AWAY, "the server is going away")

    def shut(self) -> None:
        """The same."""
        self.wind_down()

    def cancel_for_shutdown(self) -> None:
        """The drain's time is up."""
        if self._task is not None:
            self._task.cancel()
        self.transport.abort()

    def refuse(self, error: HTTPError) -> None:
        """Cut the connection: it is past saying why."""
        self.transport.abort()

    def body_progress(self) -> None:
        """A WebSocket's messages have no rate to keep."""
        return None
