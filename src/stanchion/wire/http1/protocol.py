"""A whole HTTP/1.1 connection: the transport's callbacks, and every way it can end.

A message that turns out broken aborts its exchange: the handler is cancelled and the client gets the problem document.
"""

import asyncio
from time import monotonic_ns

from stanchion.errors import PHRASES, HTTPError, ServiceUnavailable
from stanchion.http.problem import problem
from stanchion.http.request import Request
from stanchion.http.sendable import body_bytes
from stanchion.upstream.switched import Switched
from stanchion.wire.http1.answers import Refused
from stanchion.wire.http1.encode import extra_fields, lines, whole
from stanchion.wire.http1.exchanges import Exchanges
from stanchion.wire.http1.framing import malformed
from stanchion.wire.http1.upgrade import upgraded
from stanchion.wire.phases import HANDLE, IDLE, LINGER, WRITE
from stanchion.wire.tunnel import FarEnd, Tunnel

_HALF_CLOSE_GRACE = 0.05
"""Seconds in which a client that has shut down its side still gets its answer; after that it counts as gone."""


class HTTP1(Exchanges):
    """One connection. `phase` and `since` are for the server's sweep, which enforces the timeouts."""

    __slots__ = ()

    # Transport callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self._server.opened(self)

    def eof_received(self) -> bool:
        if self._request is None and not self._pending:
            return False
        self._server.loop.call_later(_HALF_CLOSE_GRACE, self._grace_over)
        if self._incoming is not None:
            self.refuse(malformed("the body ends early", "incomplete-body"))
        self._end_input()
        return True

    def _grace_over(self) -> None:
        """A half-closed client is let go, unless all that is left is bytes on their way to it."""
        if self._request is not None or self._pending or self.phase == LINGER:
            self.transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self._end_input()
        self._incoming = None
        self._drop_pending()
        self._server.closed(self)
        if self._request is not None:
            self._settle(self._request, 0, self.sent)
        self._cancel(ConnectionResetError("the client has gone away"))
        if self._drained is not None and not self._drained.done():
            self._drained.cancel()

    def pause_writing(self) -> None:
        self.blocked = True
        self.phase = WRITE
        self.since = self._server.now

    def resume_writing(self) -> None:
        self.blocked = False
        if self._request is not None:
            self.phase = HANDLE
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        if self._request is None:
            self._advance()

    # Upgrades

    def _upgraded(self, method: str, target: str, fields: dict[bytes, bytes]) -> bool:
        """Make the connection a WebSocket if that is asked for, and the endpoint takes it."""
        if self._request is not None or self._pending or self._http10 or fields[b"upgrade"].lower() != b"websocket":
            return False  # behind a pipelined request it would have to wait: no client does that
        path, _, query = target.partition("?")
        server = self._server
        endpoint, args = server.find(method, path)
        if method != "GET" or endpoint is None or endpoint.websocket is None:
            return False
        socket = upgraded(server, self.transport, fields)
        if socket is None:
            return False
        self._end_input()
        socket.address = self.address
        request = Request(method, path, query, fields, socket, args, endpoint.path_names, server.app)
        request.began = monotonic_ns()
        server.connections.discard(self)
        server.connections.add(socket)
        self.transport.set_protocol(socket)
        socket.begin(request, endpoint)
        return True

    def inform(self, request: Request, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        """Pass on an informational answer, such as 103 Early Hints, if the final one has not begun (RFC 9110 §15.2).

        `request` may be a copy of the one that is answered now; an answer made for another one informs nobody.
        """
        mine = self._request
        if mine is None or (mine.began, mine.path) != (request.began, request.path):
            return
        if not (self.head_sent or self._http10 or self.blocked or self.transport.is_closing()):
            phrase = PHRASES.get(status, "").encode()
            self.transport.write(b"HTTP/1.1 %d %b%b\r\n\r\n" % (status, phrase, lines(fields)))

    def switch(self, request: Request, response: Switched) -> None:
        """Answer 101, and have the upstream's bytes go to the client and back as they are."""
        other = response.other
        assert other is not None
        if self._request is not request or self.transport.is_closing():
            other.abort()
            response.ended()
            return
        server = self._server
        head = b"HTTP/1.1 101 Switching Protocols%b\r\n\r\n" % extra_fields(response)
        self._settle(request, 101, len(head))
        self._request = self._task = None
        self._end_input()
        tunnel = Tunnel(server, self.transport, other)
        tunnel.address = self.address
        server.connections.discard(self)
        server.connections.add(tunnel)
        self.transport.set_protocol(tunnel)
        other.set_protocol(FarEnd(tunnel, server, response.ended))
        self.transport.write(head + response.rest)
        self._paused = self._full = False
        self.transport.resume_reading()
        other.resume_reading()

    # Ends

    def refuse(self, error: HTTPError) -> None:
        """Answer a message that cannot be served, after those before it, and take no more."""
        body, self._incoming = self._incoming, None
        self._end_input()
        if body is not None and self._pending:
            request, endpoint, *_ = self._pending[-1]  # the last request's body it is
            self._pending[-1] = Refused(request, endpoint, error)
        elif body is not None or (self._request is None and not self._pending):
            self._abort_exchange(error)
        else:
            self._enqueue(Refused(None, None, error))

    def _abort_exchange(self, error: HTTPError) -> None:
        """Cancel the active request, if any, and answer `error` in its place; the connection ends."""
        if self.head_sent or self.transport.is_closing():
            self.transport.abort()
            return
        request = self._request
        self._end_input()
        self._drop_pending()
        self._cancel(error)
        self._answer_refused(error, request)

    def _answer_refused(self, error: HTTPError, request: Request | None) -> None:
        response = problem(error, request)
        head_only = request is not None and request.method == "HEAD"
        data = whole(response, body_bytes(response), self._server.date_close, head_only)
        if request is None:
            self._server.turned_away(response.status, len(data))
        else:
            self._settle(request, response.status, len(data))
        self.transport.write(data)
        self._linger()

    def _cancel(self, error: Exception) -> None:
        task, request = self._task, self._request
        self._request = self._task = self._awaiting_body = None
        if request is not None and request.stream is not None:
            request.stream.fail(error)
        if task is not None:
            task.cancel()

    def _take_no_more(self) -> None:
        """The message that is arriving, if any, is the last."""
        self._ending = True
        if self._incoming is None:
            self._end_input()

    def _end_input(self) -> None:
        self._ending = True
        self._expects = False
        self._chunked = False
        self._target = b""
        self._known = self._head = None
        self._parser = None  # also breaks its reference cycle with this object
        self._unfed = None

    def _close(self) -> None:
        self._parser = None
        self._known = None
        if self._incoming is not None:
            self._linger()
        else:
            self.phase = WRITE
            self.since = self._server.now
            self.transport.close()

    def _linger(self) -> None:
        """Close our side and drop what still arrives: closing with unread bytes would reset away the answer."""
        self._end_input()
        if self._incoming is not None:
            self._incoming.fail(RuntimeError("the request is answered; its body can no longer be read"))
            self._incoming = None
        self.phase = LINGER
        self.since = self._server.now
        if self._paused or self._full:
            self._paused = self._full = False
            self.transport.resume_reading()
        if not self.transport.can_write_eof():
            self.transport.close()
            return
        try:
            self.transport.write_eof()
        except OSError:  # asyncio's own loop, where the client has reset the connection meanwhile
            self.transport.abort()

    def _part(self) -> None:
        part = self._server.parting
        if part is not None:
            part(self)

    def wind_down(self) -> None:
        """Take no request but one that is on its way already, and say so with `Connection: close`."""
        if self._request is None and not self._pending:
            self._ending = True
        else:
            self._take_no_more()

    def shut(self) -> None:
        """Take no new request; close now if idle, else after the answers that are owed."""
        self._take_no_more()
        if self._request is None and not self._pending and self.phase != LINGER:
            self._close()

    @property
    def movable(self) -> bool:
        """Whether all of this connection's state is in its socket, so that another worker can go on with it."""
        return (
            self.phase == IDLE
            and self._clean
            and not (self._ending or self.blocked or self._pending or self._unfed)
            and self._request is None
            and self._parser is not None
            and not self.transport.is_closing()
            and self.transport.get_write_buffer_size() == 0
        )

    def cancel_for_shutdown(self) -> None:
        """The drain's time is up."""
        if self._request is None and not self._pending:
            self.transport.abort()
        else:
            self._abort_exchange(ServiceUnavailable("the server is shutting down", headers={"Retry-After": "1"}))

    def body_progress(self) -> int | None:
        """Bytes received of a body still to come, unless it is us it waits for."""
        if self._incoming is None or self._paused or self._full or self._expects:
            return None
        return self._incoming.received
