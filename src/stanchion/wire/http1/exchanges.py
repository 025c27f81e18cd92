"""The sending half of an HTTP/1.1 connection: requests in order to responses in order.

One request is active at a time; what is pipelined behind it waits in `_pending`, so responses keep their order without
bookkeeping. The `try` around handlers is in `_serve`, and for what needs no task in `_approach` and `_answer_at_once`.
"""

import asyncio
from collections import deque
from contextvars import copy_context
from time import monotonic_ns
from typing import Protocol

from stanchion.errors import HTTPError
from stanchion.http.hit import Hit, Later
from stanchion.http.request import Request
from stanchion.http.response import ANSWERED, Response
from stanchion.routing.route import Call, Endpoint, InlineCall
from stanchion.telemetry.meter import BEGUN
from stanchion.upstream.switched import Switched
from stanchion.wire.http1.answers import Answers, Refused
from stanchion.wire.http1.overloaded import OVERLOADED, OVERLOADED_BODY, OVERLOADED_HEAD
from stanchion.wire.http1.sender import send
from stanchion.wire.phases import HANDLE, IDLE, LINGER
from stanchion.wire.server import Server


class Guest(Protocol):
    """A task, or what stands for one."""

    def cancel(self) -> object: ...


class Exchanges(Answers):
    """Serves what was received; knows nothing of how a connection begins and ends."""

    __slots__ = (
        "_awaiting_body",
        "_rest",
        "_task",
        "taken_over",
        "unsent",
    )

    def __init__(self, server: Server, *, taken_over: bool = False) -> None:
        super().__init__(server)
        self.taken_over = taken_over  # from another worker, so it stays here
        self._task: Guest | None = None  # what serves the active request
        self._awaiting_body: Endpoint | None = None  # of the active request
        self._rest: Call | None = None  # what the gate has left to do of the active request
        self.unsent = 0

    # What the ends do

    def _answer_refused(self, error: HTTPError, request: Request | None) -> None:
        raise NotImplementedError

    def _close(self) -> None:
        raise NotImplementedError

    def switch(self, request: Request, response: Switched) -> None:
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
            (self._approach if endpoint.gate else self._enter)(request, endpoint)
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

    def _approach(self, request: Request, endpoint: Endpoint) -> None:
        """Pass the gate if there is one, and go on to admission."""
        if endpoint.gate is None:
            self._enter(request, endpoint)
            return
        try:
            response = copy_context().run(endpoint.gate, request)
            if type(response) is Later:
                self._rest = response.call
                (self._start if response.free else self._enter)(request, endpoint)
                return
            if type(response) is not Response and type(response) is not Hit:
                self._rest = _returning(response)
                self._start(request, endpoint)
                return
            self.write_whole(request, response)
            if type(response) is Hit and endpoint.shelves:
                self._server.shelf.put(request, self._server.series_of(request, endpoint), response)
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
        self._server.cells[BEGUN] += 1
        if endpoint.inline is not None and endpoint.takes_body and stream is not None and not stream.complete:
            self._awaiting_body = endpoint
            stream.want_all()
        else:
            rest, self._rest = self._rest, None
            self._task = self._server.task(self._serve(request, rest or endpoint.call))

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
                    self._leave(response.status)
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

    def _leave(self, status: int) -> None:
        """The active request, whose answer is a stream that begins now, counts against the limit no more."""
        since, self._admitted = self._admitted, 0
        if self._owed is not None and self._server.admission is not None:
            self._server.admission.leave(self._owed, monotonic_ns() - since, status)

    def _release(self) -> None:
        """The active exchange is over: what is next?"""
        self._request = self._task = None
        self.head_sent = False
        self.sent = 0
        if self._pending or self._unfed is not None or self._full:
            server = self._server  # not now: it could recurse, and others wait too
            server.loop.call_soon(self._advance, context=server.context)
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
                    self._approach(self._request, endpoint)
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


def _returning(response: Response) -> Call:
    async def call(request: Request) -> Response:
        return response

    return call
