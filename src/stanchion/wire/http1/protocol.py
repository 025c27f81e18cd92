"""The sending half of an HTTP/1.1 connection: requests in order to responses in order.

One request is active at a time; what is pipelined behind it waits in `_pending`, so responses keep their order without
bookkeeping. A message that turns out broken aborts its exchange: the handler is cancelled and the client gets the
problem document. The only `try` around handlers is in `_serve` and `_accept`.
"""

import asyncio
from collections import deque
from contextvars import copy_context
from typing import NamedTuple

from stanchion.errors import HTTPError, ServiceUnavailable
from stanchion.http.problem import problem, unexpected
from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.routing.route import Call, Endpoint
from stanchion.wire.http1.encode import body_bytes, whole
from stanchion.wire.http1.framing import malformed
from stanchion.wire.http1.incoming import Incoming
from stanchion.wire.http1.sender import send
from stanchion.wire.phases import HANDLE, IDLE, LINGER, WRITE
from stanchion.wire.server import Server

_HALF_CLOSE_GRACE = 0.05
"""Seconds in which a client that has shut down its side still gets its answer; after that it counts as gone."""


class _Refused(NamedTuple):
    """Waits among the pipelined requests for its turn to be answered."""

    request: Request | None
    """None where the message was too malformed to become one."""
    error: HTTPError


class HTTP1(Incoming):
    """One connection. `phase` and `since` are for the server's sweep, which enforces the timeouts."""

    __slots__ = ("_awaiting_body", "_drained", "_pending", "_request", "_task", "blocked", "head_sent", "unsent")

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self._request: Request | None = None
        self._task: asyncio.Task[None] | None = None
        self._awaiting_body: Endpoint | None = None  # of the active request
        self._pending: deque[tuple[Request, Endpoint] | _Refused] | None = None
        self._drained: asyncio.Future[None] | None = None
        self.blocked = False  # the transport holds more than its high-water mark
        self.head_sent = False  # of the active request's response: it can no longer become an error
        self.unsent = 0

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
        self._pending = None
        self._server.closed(self)
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

    # Requests in order

    def _accept(self, request: Request, endpoint: Endpoint) -> None:
        if self._request is not None or self._pending or self.blocked:
            self._enqueue((request, endpoint))
            return
        self._request = request
        self.phase = HANDLE
        inline, stream = endpoint.inline, request.stream
        if inline is None or (stream is not None and not (stream.complete and endpoint.takes_body)):
            self._start(request, endpoint)
            return
        try:  # without a task, but in a context of its own as a task would have
            response = copy_context().run(inline, request)
            if type(response) is not Response:
                self._task = self._server.task(self._serve(request, _returning(response)))
                return
            self.write_whole(request, response)
        except Exception as error:
            self._fail(request, error)
        if self._request is request:
            self._release()

    def _start(self, request: Request, endpoint: Endpoint) -> None:
        """Serve a request in a task, unless it can do without one once its body is there."""
        stream = request.stream
        if endpoint.inline is not None and endpoint.takes_body and stream is not None and not stream.complete:
            self._awaiting_body = endpoint
            stream.want_all()
        else:
            self._task = self._server.task(self._serve(request, endpoint.call))

    def _body_complete(self) -> None:
        endpoint, self._awaiting_body = self._awaiting_body, None
        request = self._request
        if endpoint is not None and request is not None:
            self._request = None
            self._accept(request, endpoint)

    def _enqueue(self, entry: tuple[Request, Endpoint] | _Refused) -> None:
        if self._pending is None:
            self._pending = deque()
        self._pending.append(entry)
        if not self._full and len(self._pending) >= self._server.max_pipelined:
            self._full = True
            self.transport.pause_reading()

    async def _serve(self, request: Request, call: Call) -> None:
        try:
            response = await call(request)
            if type(response) is Response:
                self.write_whole(request, response)
            else:
                await send(self, request, response)
        except asyncio.CancelledError as error:
            if self._request is not request:
                raise  # the client has gone or the exchange was aborted
            self._fail(request, error)
        except Exception as error:
            self._fail(request, error)
        if self._request is request:
            self._release()

    def _release(self) -> None:
        """The active exchange is over: what is next?"""
        self._request = self._task = None
        self.head_sent = False
        if self._pending or self._unfed is not None or self._full:
            self._server.loop.call_soon(self._advance)  # not now: it could recurse, and others wait too
        elif self._ending:
            self._close()
        elif not self.blocked:
            self.phase = IDLE
            self.since = self._server.now

    def _advance(self) -> None:
        """Start the next pipelined request, or parse on; harmless when there is nothing to do."""
        if self._request is not None or self.blocked or self.phase == LINGER or self.transport.is_closing():
            return
        if self._pending:
            entry = self._pending.popleft()
            if isinstance(entry, _Refused):
                self._answer_refused(entry.error, entry.request)
            else:
                self._request, endpoint = entry
                self.phase = HANDLE
                self._start(self._request, endpoint)  # never inline: others get their turn
        elif self._full or self._unfed is not None:
            self._full = False
            self._feed_unfed()
            self._resume_reading()
            if self._request is None:
                self._release()
        else:
            self._release()

    # Responses out

    def write_whole(self, request: Request, response: Response) -> None:
        """Write a response whose body is known; one write."""
        if self._request is not request:
            return  # aborted meanwhile: it has had its answer
        body = response.body
        if type(body) is not bytes:
            body = body_bytes(response)
        if self._incoming is not None:
            self.answering(request)
        tail = self.tail() if self._ending or self._http10 else self._server.date
        self.transport.write(whole(response, body, tail, request.method == "HEAD"))

    def tail(self) -> bytes:
        """The Connection line where one is needed, the Date line and the blank line."""
        server = self._server
        if self._ending and not self._pending:
            return server.date_close
        return server.date_keep if self._http10 else server.date

    def answering(self, request: Request) -> bool:
        """Whether `request` is still the one to answer; settles that no body is awaited after its answer."""
        if self._request is not request or self.transport.is_closing():
            return False
        if self._incoming is not None and self._incoming is request.stream:
            self._ending = True  # answered before the body was all there
        return True

    async def drain(self) -> None:
        """Wait until the transport takes more."""
        if self.blocked:
            self._drained = self._server.loop.create_future()
            await self._drained

    def keeps_chunks(self) -> bool:
        """Whether this client understands a chunked body; else a stream ends with the connection."""
        if self._http10:
            self._take_no_more()
            self._pending = None
        return not self._http10

    def _fail(self, request: Request, error: BaseException) -> None:
        """Answer an exception; one that comes after the head can only break the connection."""
        if self._request is not request:
            if not isinstance(error, HTTPError | ConnectionError):
                unexpected(request, error)  # for the log: there is nobody to answer
            return
        if isinstance(error, HTTPError) and not self.head_sent:
            response = problem(error, request)
        else:
            response = unexpected(request, error)
        if self.head_sent:
            self.transport.abort()
            return
        try:
            self.write_whole(request, response)
        except Exception as worse:  # an HTTPError with a header that cannot be sent
            self.write_whole(request, unexpected(request, worse))

    # Ends

    def refuse(self, error: HTTPError) -> None:
        """Answer a message that cannot be served, after those before it, and take no more."""
        body, self._incoming = self._incoming, None
        self._end_input()
        if body is not None and self._pending:
            self._pending[-1] = _Refused(self._pending[-1][0], error)  # the last request's body it is
        elif body is not None or (self._request is None and not self._pending):
            self._abort_exchange(error)
        else:
            self._enqueue(_Refused(None, error))

    def _abort_exchange(self, error: HTTPError) -> None:
        """Cancel the active request, if any, and answer `error` in its place; the connection ends."""
        if self.head_sent or self.transport.is_closing():
            self.transport.abort()
            return
        request = self._request
        self._end_input()
        self._pending = None
        self._cancel(error)
        self._answer_refused(error, request)

    def _answer_refused(self, error: HTTPError, request: Request | None) -> None:
        response = problem(error, request)
        head_only = request is not None and request.method == "HEAD"
        self.transport.write(whole(response, body_bytes(response), self._server.date_close, head_only))
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

    def shut(self) -> None:
        """Take no new request; close now if idle, else after the answers that are owed."""
        self._take_no_more()
        if self._request is None and not self._pending and self.phase != LINGER:
            self._close()

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


def _returning(response: Response) -> Call:
    async def call(request: Request) -> Response:
        return response

    return call
