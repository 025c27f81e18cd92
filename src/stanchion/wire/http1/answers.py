"""One answer: written, counted and logged; and what becomes of a request that gets none.

Knows nothing of how a request is served, nor of how a connection ends.
"""

import asyncio
from collections import deque
from time import monotonic_ns
from typing import NamedTuple

from stanchion.board.layout import HISTOGRAM, MICROSECONDS
from stanchion.errors import HTTPError
from stanchion.http.problem import problem, unexpected
from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.http.sendable import body_bytes
from stanchion.routing.route import Endpoint
from stanchion.telemetry.histogram import bucket_of
from stanchion.telemetry.meter import BUCKET_OF, ENDED, OUTCOME_OF, SMALL
from stanchion.wire.admission import HEAVY
from stanchion.wire.http1.encode import whole
from stanchion.wire.http1.incoming import Incoming
from stanchion.wire.http1.shelf import Fields, Shelved, plain
from stanchion.wire.phases import IDLE
from stanchion.wire.server import Server

_DATE_LINE = len("\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT")


class Refused(NamedTuple):
    """Waits among the pipelined requests for its turn to be answered."""

    request: Request | None
    """None where the message was too malformed to become one."""
    endpoint: Endpoint | None
    error: HTTPError


class Answers(Incoming):
    """The active request, until its outcome is counted."""

    __slots__ = (
        "_admitted",
        "_client",
        "_drained",
        "_in_flight",
        "_owed",
        "_pending",
        "_plain",
        "_request",
        "blocked",
        "head_sent",
        "sent",
    )

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self._client: str | None = None  # for the access log
        self._request: Request | None = None
        self._owed: Endpoint | None = None  # the active request's, until its outcome is counted
        self._in_flight = False  # the active request is not answered at once
        self._admitted = 0  # when the active request was, in nanoseconds; 0 where it does not count
        self._pending: deque[tuple[Request, Endpoint] | Refused] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._plain: Fields | None = None  # fields found to be good for the shelf
        self.blocked = False  # the transport holds more than its high-water mark
        self.head_sent = False  # of the active request's response: it can no longer become an error
        self.sent = 0  # bytes of a response that is more than one write

    def _take_no_more(self) -> None:
        raise NotImplementedError

    def _part(self) -> None:
        raise NotImplementedError

    def _answer_shelved(self, shelved: Shelved, fields: Fields) -> bool:
        """Answer with what the cache has left at hand; False where the request has to go its way."""
        server = self._server
        if self._request is not None or self._pending or self.blocked or self._ending or self._http10:
            return False
        if fields is not self._plain:
            if server.log is not None or server.request_ids or not plain(fields):
                return False
            self._plain = fields
        began = monotonic_ns()
        data = shelved.find(fields, began, server.date)
        if data is None or self._served + 1 == server.max_requests:
            return False
        self._served += 1
        server.sent += len(data)
        base, cells = shelved.base, server.cells
        taken = (monotonic_ns() - began) // 1000
        cells[base + OUTCOME_OF[shelved.status]] += 1
        cells[base + MICROSECONDS] += taken
        cells[base + (BUCKET_OF[taken] if taken < SMALL else HISTOGRAM + bucket_of(taken))] += 1
        self.transport.write(data)
        if not self.blocked:
            self.phase = IDLE
            self.since = server.now
            if server.parting is not None:
                self._part()
        return True

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
        plain = not (self._ending or self._http10 or server.request_ids) and response.date is None
        tail = server.date if plain else self.tail(request, response)
        data = whole(response, body, tail, request.method == "HEAD")
        self._settle(request, response.status, len(data))
        self.transport.write(data)

    def tail(self, request: Request, response: Response) -> bytes:
        """The request's id where it is wanted, the Connection line where one is needed, the Date line, a blank line."""
        server = self._server
        tail = server.date_keep if self._http10 else server.date
        if self._ending and not self._pending:
            tail = server.date_close
        if response.date is not None:
            tail = b"\r\ndate: " + response.date + tail[_DATE_LINE:]
        if server.request_ids and not response.has_header("x-request-id"):
            return b"\r\nx-request-id: %b%b" % (request.id.encode(), tail)
        return tail

    def _settle(self, request: Request, status: int, size: int) -> None:
        """Count the outcome of the active request, once; status 0 is an answer that was not given, or not whole."""
        endpoint, self._owed = self._owed, None
        if endpoint is None:
            return
        server = self._server
        admission = server.admission
        now = monotonic_ns()
        taken = (now - request.began) // 1000
        if self._in_flight:
            self._in_flight = False
            server.cells[ENDED] += 1  # in place, as all that counts here: a frame less is 1 % of a small request
            if self._admitted and admission is not None:
                admission.leave(endpoint, now - self._admitted, status)
                self._admitted = 0
        elif taken > HEAVY and status and endpoint.inline is not None and admission is not None:
            admission.weigh(endpoint, taken)
        server.sent += size
        base = endpoint.series
        if base < 0 or endpoint.label is not None:
            base = server.series_of(request, endpoint)
        cells = server.cells
        cells[base + OUTCOME_OF[status]] += 1
        cells[base + MICROSECONDS] += taken
        cells[base + (BUCKET_OF[taken] if taken < SMALL else HISTOGRAM + bucket_of(taken))] += 1
        if server.log is not None:
            if self._client is None or server.proxies.believed:  # behind a proxy each request may be another's
                self._client = request.client_ip or "-"
            server.log.add(request, status, size, taken, self._client)

    def answering(self, request: Request) -> bool:
        """Whether `request` is still the one to answer; settles that no body is awaited after its answer."""
        if self._request is not request or self.transport.is_closing():
            return False
        if self._incoming is not None and self._incoming is request.stream:
            self._ending = True  # answered before the body was all there
        return True

    async def drain(self) -> None:
        """Wait until the transport takes more. That a connection broke off is told in the next turn of the loop, which
        a body that never waits would keep away."""
        if self.blocked:
            self._drained = self._server.loop.create_future()
            await self._drained
        elif self.transport.is_closing():
            await asyncio.sleep(0)

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
