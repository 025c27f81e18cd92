"""The sending half of an HTTP/1.1 connection: requests in order to responses in order.

One request is active at a time; what is pipelined behind it waits in `_pending`, so responses keep their order without
bookkeeping. The only `try` around handlers is in `_serve` and `_accept`.
"""

import asyncio
from collections import deque
from contextvars import copy_context
from time import monotonic_ns
from typing import NamedTuple, Protocol

from stanchion.board.layout import HISTOGRAM, MICROSECONDS
from stanchion.errors import HTTPError
from stanchion.http.problem import problem, unexpected
from stanchion.http.request import Request
from stanchion.http.response import ANSWERED, Response
from stanchion.http.sendable import body_bytes
from stanchion.routing.route import Call, Endpoint, InlineCall
from stanchion.telemetry.histogram import bucket_of
from stanchion.telemetry.meter import BUCKET_OF, OUTCOME_OF, SMALL
from stanchion.wire.admission import HEAVY
from stanchion.wire.http1.encode import whole
from stanchion.wire.http1.incoming import Incoming
from stanchion.wire.http1.overloaded import OVERLOADED, OVERLOADED_BODY, OVERLOADED_HEAD
from stanchion.wire.http1.sender import send
from stanchion.wire.phases import HANDLE, IDLE, LINGER
from stanchion.wire.server import Server


class Refused(NamedTuple):
    """Waits among the pipelined requests for its turn to be answered."""

    request: Request | None
    """None where the message was too malformed to become one."""
    endpoint: Endpoint | None
    error: HTTPError


class Guest(Protocol):
    """A task, or what stands for one."""

    def cancel(self) -> object: ...


class Exchanges(Incoming):
    """Serves what was received; knows nothing of how a connection begins and ends."""

    __slots__ = (
        "_admitted",
        "_awaiting_body",
        "_client",
        "_drained",
        "_in_flight",
        "_owed",
        "_pending",
        "_request",
        "_task",
        "blocked",
        "head_sent",
        "sent",
        "taken_over",
        "unsent",
    )

    def __init__(self, server: Server, *, taken_over: bool = False) -> None:
        super().__init__(server)
        self.taken_over = taken_over  # from another worker, so it stays here
        self._client: str | None = None  # for the access log
        self._request: Request | None = None
        self._owed: Endpoint | None = None  # the active request's, until its outcome is counted
        self._in_flight = False  # the active request is not answered at once
        self._admitted = 0  # when the active request was, in nanoseconds; 0 where it does not count
        self._task: Guest | None = None  # what serves the active request
        self._awaiting_body: Endpoint | None = None  # of the active request
        self._pending: deque[tuple[Request, Endpoint] | Refused] | None = None
        self._drained: asyncio.Future[None] | None = None
        self.blocked = False  # the transport holds more than its high-water mark
        self.head_sent = False  # of the active request's response: it can no longer become an error
        self.sent = 0  # bytes of a response that is more than one write
        self.unsent = 0

    # What the ends do

    def _answer_refused(self, error: HTTPError, request: Request | None) -> None:
        raise NotImplementedError

    def _close(self) -> None:
        raise NotImplementedError

    def _take_no_more(self) -> None:
        raise NotImplementedError

    def _part(self) -> None:
        raise NotImplementedError

    # Requests in order

    def _accept(self, request: Request, endpoint: Endpoint) -> None:
        if self._request is not None or self._pending or self.blocked:
            self._enqueue((request, endpoint))
            return
        self._request = request
        self._owed = endpoint
        self.phase = HANDLE
        inline, stream = endpoint.inline, request.stream
        if inline is None:
            self._enter(request, endpoint)
        elif stream is not None and not (stream.complete and endpoint.takes_body):
            self._start(request, endpoint)
        else:
            self._answer_at_once(request, inline)

    def _answer_at_once(self, request: Request, inline: InlineCall) -> None:
        try:  # without a task, but in a context of its own as a task would have
            response = copy_context().run(inline, request)
            if type(response) is not Response:
                self._in_flight = True
                self._server.meter.begin()
                self._task = self._server.task(self._serve(request, _returning(response)))
                return
            self.write_whole(request, response)
        except Exception as error:
            self._fail(request, error)
        if self._request is request:
            self._release()

    def _enter(self, request: Request, endpoint: Endpoint) -> None:
        """Have admission decide when the work starts."""
        admission = self._server.admission
        if admission is None:
            self._start(request, endpoint)
        elif admission.enter(self, request, endpoint):
            self._admitted = request.began
            self._start(request, endpoint)

    def start_admitted(self, request: Request, endpoint: Endpoint, now: int) -> bool:
        """See `Admission`."""
        if self._request is not request:
            return False
        self._admitted = now
        self._start(request, endpoint)
        return True

    def run_admitted(self, request: Request, endpoint: Endpoint) -> bool:
        """See `Admission`."""
        if self._request is not request or endpoint.heavy is None:
            return False
        self._answer_at_once(request, endpoint.heavy)
        return True

    def turn_away(self, request: Request) -> bool:
        """See `Admission`."""
        if self._request is not request:
            return False
        server = self._server
        if self._incoming is not None:
            self.answering(request)
        tail = self.tail(request, OVERLOADED) if self._ending or self._http10 or server.request_ids else server.date
        data = OVERLOADED_HEAD + tail + (OVERLOADED_BODY if request.method != "HEAD" else b"")
        self._settle(request, OVERLOADED.status, len(data))
        self.transport.write(data)
        self._release()
        return True

    def _start(self, request: Request, endpoint: Endpoint) -> None:
        """Serve a request in a task, unless it can do without one once its body is there."""
        stream = request.stream
        self._in_flight = True
        self._server.meter.begin()
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

    def _enqueue(self, entry: tuple[Request, Endpoint] | Refused) -> None:
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
            elif response is ANSWERED:
                return
            else:
                if self._admitted and self._request is request:
                    self._leave(self._owed, monotonic_ns(), response.status)
                await send(self, request, response)
                if self._owed is not None and self._request is request:  # else it was written whole
                    self._settle(request, response.status, self.sent)
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
        self.sent = 0
        if self._pending or self._unfed is not None or self._full:
            self._server.loop.call_soon(self._advance)  # not now: it could recurse, and others wait too
        elif self._ending:
            self._close()
        elif not self.blocked:
            self.phase = IDLE
            self.since = self._server.now
            if self._server.parting is not None:
                self._part()

    def _advance(self) -> None:
        """Start the next pipelined request, or parse on; harmless when there is nothing to do."""
        if self._request is not None or self.blocked or self.phase == LINGER or self.transport.is_closing():
            return
        if self._pending:
            entry = self._pending.popleft()
            if isinstance(entry, Refused):
                self._owed = entry.endpoint
                self._answer_refused(entry.error, entry.request)
            else:
                self._request, endpoint = entry
                self._owed = endpoint
                self.phase = HANDLE
                if endpoint.inline is None:
                    self._enter(self._request, endpoint)
                else:
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
        server = self._server
        tail = self.tail(request, response) if self._ending or self._http10 or server.request_ids else server.date
        data = whole(response, body, tail, request.method == "HEAD")
        self._settle(request, response.status, len(data))
        self.transport.write(data)

    def tail(self, request: Request, response: Response) -> bytes:
        """The request's id where it is wanted, the Connection line where one is needed, the Date line, a blank line."""
        server = self._server
        tail = server.date_keep if self._http10 else server.date
        if self._ending and not self._pending:
            tail = server.date_close
        if server.request_ids and not any(name.lower() == "x-request-id" for name in response.headers or ()):
            return b"\r\nx-request-id: %b%b" % (request.id.encode(), tail)
        return tail

    def _settle(self, request: Request, status: int, size: int) -> None:
        """Count the outcome of the active request, once; status 0 is an answer that was not given, or not whole."""
        endpoint, self._owed = self._owed, None
        if endpoint is None:
            return
        server = self._server
        now = monotonic_ns()
        taken = (now - request.began) // 1000
        if self._in_flight:
            self._in_flight = False
            server.meter.finish()
            if self._admitted:
                self._leave(endpoint, now, status)
        elif taken > HEAVY and status and endpoint.inline is not None and server.admission is not None:
            server.admission.weigh(endpoint, taken)
        server.sent += size
        base = endpoint.series
        if base < 0 or endpoint.label is not None:
            base = server.series_of(request, endpoint)
        cells = server.cells  # as `Meter.end`, in place: a frame less is 2 % of a small request
        cells[base + OUTCOME_OF[status]] += 1
        cells[base + MICROSECONDS] += taken
        cells[base + (BUCKET_OF[taken] if taken < SMALL else HISTOGRAM + bucket_of(taken))] += 1
        if server.log is not None:
            if self._client is None or server.proxies.believed:  # behind a proxy each request may be another's
                self._client = request.client_ip or "-"
            server.log.add(request, status, size, taken, self._client)

    def _leave(self, endpoint: Endpoint | None, now: int, status: int) -> None:
        """The active request counts against the limit no more."""
        since, self._admitted = self._admitted, 0
        if endpoint is not None and self._server.admission is not None:
            self._server.admission.leave(endpoint, now - since, status)

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

    def hand_over(self, request: Request, guest: Guest) -> "asyncio.Task[None]":
        """From now on `guest.cancel` is called where the task of `request` would be cancelled; returns that task."""
        task = self._task
        assert isinstance(task, asyncio.Task)
        self._task = guest
        return task

    def answer(self, request: Request, response: Response) -> None:
        """Answer `request` while its task goes on; the next request does not wait for that."""
        if self._request is not request:
            return  # aborted meanwhile: it has had its answer
        if type(response) is not Response:
            self._task = self._server.task(self._serve(request, _returning(response)))
            return
        try:
            self.write_whole(request, response)
        except Exception as error:
            self._fail(request, error)
        if self._request is request:
            self._release()

    def keeps_chunks(self) -> bool:
        """Whether this client understands a chunked body; else a stream ends with the connection."""
        if self._http10:
            self._take_no_more()
            self._drop_pending()
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
            self._settle(request, 0, self.sent)
            self.transport.abort()
            return
        try:
            self.write_whole(request, response)
        except Exception as worse:  # an HTTPError with a header that cannot be sent
            self.write_whole(request, unexpected(request, worse))

    def _drop_pending(self) -> None:
        """Requests that will get no answer are counted as such."""
        for request, endpoint, *_ in self._pending or ():
            if request is not None:
                kept = self._owed, self._in_flight
                self._owed, self._in_flight = endpoint, False
                self._settle(request, 0, 0)
                self._owed, self._in_flight = kept
        self._pending = None


def _returning(response: Response) -> Call:
    async def call(request: Request) -> Response:
        return response

    return call
