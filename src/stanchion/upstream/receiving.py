"""The receiving half of a connection to an upstream: bytes to answers, as strictly as requests are taken.

llhttp refuses Content-Length beside Transfer-Encoding, repeated lengths, bad chunks, bare CR or LF and folded fields by
itself. Refused here as well: codings but `chunked`, other versions, statuses no client knows, heads without end, and
bytes behind the end of an answer, after which the connection is not used again.

An answer that is whole when a read ends becomes a `Response`; a longer one a `Stream`, whose chunks cost no task.
"""

import asyncio

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpResponseParser

from stanchion.http.response import Response, Stream
from stanchion.upstream.failures import UpstreamFailure, UpstreamMalformed
from stanchion.upstream.heads import KNOWN, Field, is_apart, trailers_of, without_named
from stanchion.upstream.incoming import Incoming
from stanchion.upstream.limits import Limits

IDLE, HEAD, BODY, DONE, GONE = range(5)
"""What is awaited: nothing, an answer's head, its body; then: it is whole; the connection is nobody's to use."""
_BODILESS = frozenset((204, 304))
_MOST_LENGTH_DIGITS = 18


class _NoBody(Exception):
    """Stops the parser after the head of an answer to HEAD, whose length is that of a body which does not come."""


class _Surplus(Exception):
    """Stops the parser behind the end of an answer, before what is there can be taken for a part of it."""


class Receiving(asyncio.Protocol):
    """Parses and checks; knows nothing of requests and of the pool."""

    __slots__ = (
        *("_apart", "_body", "_chunked", "_fields", "_head", "_head_only", "_incoming", "_keeps", "_length"),
        *("_limits", "_parser", "_paused", "_size", "_stage", "_status", "_surplus", "_trailers", "transport"),
    )

    transport: asyncio.Transport

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._parser = HttpResponseParser(self)
        self._stage = IDLE
        self._fields: list[Field] = []  # of the head that is arriving; later of the trailers
        self._apart: dict[bytes, bytes] = {}
        self._head: tuple[list[Field], dict[bytes, bytes]] = ([], {})
        self._status = 0
        self._size = 0  # bytes of the head so far
        self._length: int | None = None
        self._chunked = False
        self._keeps = False
        self._head_only = False
        self._surplus = False
        self._body: list[bytes] = []
        self._incoming: Incoming | None = None
        self._trailers: list[Field] = []
        self._paused = False

    # What the sending half does

    def _deliver(self, response: Response) -> None:
        raise NotImplementedError

    def _complete(self, *, reusable: bool) -> None:
        raise NotImplementedError

    def _fail(self, error: Exception) -> None:
        raise NotImplementedError

    def _continue(self) -> None:
        raise NotImplementedError

    def _inform(self, status: int, fields: list[Field]) -> None:
        raise NotImplementedError

    def _switch(self, response: Response, rest: bytes) -> None:
        raise NotImplementedError

    def _await_head(self, *, head_only: bool) -> None:
        self._stage = HEAD
        self._head_only = head_only
        self._size = 0

    # Bytes in

    def data_received(self, data: bytes) -> None:
        if self._stage in (IDLE, GONE):
            self.transport.abort()  # an answer to no request
            return
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            self._upgraded(data[upgrade.args[0] :])
            return
        except HttpParserCallbackError as error:
            if not self._stopped_at_end(error.__context__, data):
                return
        except HttpParserError as error:
            if self._stage != DONE:
                self._fail(UpstreamMalformed(f"the upstream's answer is malformed: {error}"))
                return
            self._surplus = True
        stage = self._stage
        if stage == DONE:
            self._finish()
        elif stage == BODY:
            self._part()
        else:
            self._size += len(data)
            if self._size > self._limits.head:
                self._fail(UpstreamMalformed(f"the head of the upstream's answer is over {self._limits.head} bytes"))

    def eof_received(self) -> bool:
        if self._stage == BODY and self._length is None and not self._chunked:
            self._stage = DONE  # a body until close
            self._keeps = False
            self._finish()
        return False

    def _stopped_at_end(self, cause: BaseException | None, data: bytes) -> bool:
        if isinstance(cause, _NoBody):
            self._parser = HttpResponseParser(self)
            self._surplus = not data.endswith(b"\r\n\r\n")
            self._stage = DONE
            return True
        if isinstance(cause, _Surplus):
            self._surplus = True
            return True
        if not isinstance(cause, UpstreamFailure):
            cause = UpstreamMalformed("the upstream's answer cannot be read")
        self._fail(cause.with_traceback(None))
        return False

    def _upgraded(self, rest: bytes) -> None:
        fields, apart = self._head
        protocol = apart.get(b"upgrade", b"")
        self._switch(Response(b"", 101, fields=[(b"connection", b"Upgrade"), (b"upgrade", protocol), *fields]), rest)

    # Parser callbacks

    def on_message_begin(self) -> None:
        if self._stage != HEAD:
            raise _Surplus

    def on_header(self, name: bytes, value: bytes) -> None:
        lower = KNOWN[name] if name in KNOWN else is_apart(name)
        if lower is None:
            self._fields.append((name, value))
            return
        value = value.strip()
        apart = self._apart
        apart[lower] = value if lower not in apart else b"%b, %b" % (apart[lower], value)

    def on_headers_complete(self) -> None:
        parser = self._parser
        fields, apart = self._head = self._fields, self._apart
        self._fields, self._apart = [], {}
        if b"connection" in apart:
            fields = without_named(fields, apart[b"connection"])
            self._head = fields, apart
        status = parser.get_status_code()
        if status < 200:
            if status < 100:
                raise UpstreamMalformed(f"the upstream's answer has the status {status}")
            return
        self._frame(parser, status, apart)

    def _frame(self, parser: HttpResponseParser, status: int, apart: dict[bytes, bytes]) -> None:
        version = parser.get_http_version()
        if status > 599 or (version != "1.1" and version != "1.0"):
            raise UpstreamMalformed(f"the upstream's answer has the status {status} in HTTP/{version}")
        coding, length = apart.get(b"transfer-encoding"), apart.get(b"content-length")
        if coding is not None and (coding.lower() != b"chunked" or version == "1.0"):
            raise UpstreamMalformed("the upstream's answer has a transfer coding other than chunked")
        if length is not None and len(length) > _MOST_LENGTH_DIGITS:
            raise UpstreamMalformed("the upstream's answer tells a length that cannot be")
        self._status = status
        self._chunked = coding is not None
        self._length = None if length is None else int(length)
        self._stage = BODY
        if self._head_only or status in _BODILESS:
            self._keeps = _keeps_alive(parser, apart)
            if length is not None and status != 204:
                self._head[0].append((b"content-length", length))
            if self._head_only:
                raise _NoBody
        else:
            self._keeps = parser.should_keep_alive()

    def on_body(self, chunk: bytes) -> None:
        if self._incoming is not None:
            self._incoming.feed(chunk)
        else:
            self._body.append(chunk)

    def on_message_complete(self) -> None:
        if self._stage == HEAD:  # an informational answer, before the final one
            status = self._parser.get_status_code()
            if status == 100:
                self._continue()
            elif status != 101:  # which is `_upgraded`
                self._inform(status, self._head[0])
            return
        if self._stage == BODY:
            self._stage = DONE
            if self._fields:
                self._trailers += trailers_of(self._fields)
                self._fields = []
            self._apart.clear()

    # Answers

    def _finish(self) -> None:
        """The answer is whole."""
        incoming, self._incoming = self._incoming, None
        reusable = self._keeps and not self._surplus
        if incoming is not None:
            incoming.finish()
            self._complete(reusable=reusable)
            return
        body, self._body = self._body, []
        whole = body[0] if len(body) == 1 else b"".join(body)
        trailers, self._trailers = self._trailers, []
        response: Response = self._response(whole) if not trailers else self._trailed(whole, trailers)
        self._complete(reusable=reusable)
        self._deliver(response)

    def _trailed(self, whole: bytes, trailers: list[Field]) -> Stream:
        incoming = Incoming(self)
        incoming.feed(whole)
        incoming.finish()
        response = self._stream(incoming, None)
        response.trailers = trailers
        return response

    def _part(self) -> None:
        """A read has ended within the body."""
        incoming = self._incoming
        if incoming is None:
            if self._length is not None and self._length <= self._limits.buffer:
                return
            incoming = self._incoming = Incoming(self)
            for chunk in self._body:
                incoming.feed(chunk)
            self._body = []
            self._trailers = []
            self._deliver(self._stream(incoming, self._length))
        if incoming.waiting > self._limits.buffer and not self._paused and self._stage == BODY:
            self._paused = True
            self.transport.pause_reading()

    def _response(self, body: bytes) -> Response:
        fields, apart = self._head
        media = apart.get(b"content-type")
        return Response(
            body,
            self._status,
            None if media is None else media.decode("latin-1"),
            fields=fields,
            date=apart.get(b"date"),
        )

    def _stream(self, incoming: Incoming, length: int | None) -> Stream:
        fields, apart = self._head
        media = apart.get(b"content-type")
        return Stream(
            incoming,
            self._status,
            None if media is None else media.decode("latin-1"),
            length=length,
            fields=fields,
            date=apart.get(b"date"),
            trailers=self._trailers if self._chunked else None,
        )

    # What a body asks of its source

    def resume_body(self) -> None:
        if self._paused and self._stage == BODY:
            self._paused = False
            self.transport.resume_reading()

    def give_up(self) -> None:
        self.transport.abort()


def _keeps_alive(parser: HttpResponseParser, apart: dict[bytes, bytes]) -> bool:
    """As `should_keep_alive`, of an answer without a body, which the parser takes for one until close."""
    said = apart.get(b"connection", b"").lower()
    if b"close" in said:
        return False
    return parser.get_http_version() == "1.1" or b"keep-alive" in said
