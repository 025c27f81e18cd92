"""The receiving half of an HTTP/1.1 connection: bytes to requests, strictly and within limits.

The parser calls the `on_…` methods. What cannot be served as HTTP ends in `refuse`, whose answer keeps its place behind
the requests before it; what is served ends in `_accept`. Both belong to the sending half (protocol.py).

A plain GET's path through here is laid out flat on purpose: a whole request costs about 9 µs, two thirds of it in
system calls, and each method call would add 0.06.
"""

import asyncio
import logging
from time import monotonic_ns
from typing import cast

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpRequestParser

from stanchion.errors import ContentTooLarge, HTTPError
from stanchion.http.body import Body, WholeBody
from stanchion.http.request import Request
from stanchion.routing.route import Endpoint
from stanchion.wire.http1 import framing
from stanchion.wire.http1.connected import Connected
from stanchion.wire.http1.framing import METHODS, check_host
from stanchion.wire.http1.heads import KnownHead, known_head
from stanchion.wire.http1.shelf import Shelved
from stanchion.wire.phases import HEAD, IDLE
from stanchion.wire.server import Server

_log = logging.getLogger("stanchion.error")
_SPECIAL = frozenset((b"connection", b"content-length", b"transfer-encoding", b"expect", b"upgrade"))
_SLASH = ord("/")
_TO_COME = b"\0"  # stands for a body that has not arrived; told apart by identity
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_CHUNK_OVERHEAD = 9
"""Bytes of framing allowed a byte of a chunked body: enough for chunks of one byte, not for padding."""


class _InputEnded(Exception):
    """Stops the parser at a message after the last one that is answered."""


class Incoming(Connected):
    """Parses and checks; knows nothing of tasks and responses."""

    __slots__ = (
        "_chunked",
        "_clean",
        "_ending",
        "_expects",
        "_fields",
        "_full",
        "_head",
        "_http10",
        "_incoming",
        "_known",
        "_max_body",
        "_parser",
        "_paused",
        "_repeats",
        "_served",
        "_size",
        "_target",
        "_unfed",
        "body_mark",
        "body_since",
        "phase",
        "since",
    )

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self._parser: HttpRequestParser | None = HttpRequestParser(self)
        self._target = b""
        self._fields: dict[bytes, bytes] = {}
        self._known: KnownHead | None = None  # the head of the last message, while the next may begin
        self._head: tuple[str, bytes, dict[bytes, bytes]] | None = None  # the one parsed just now
        self._clean = True  # the parser holds no part of a message
        self._chunked = False  # a chunked body is arriving; its trailers gather in `_fields`
        self._size = 0  # bytes received of a head that is not complete, or of a chunked body with its framing
        self._repeats = 0
        self._served = 0
        self._incoming: Body | None = None  # the body that is still arriving
        self._max_body = 0
        self._expects = False  # the client waits for 100 Continue
        self._http10 = False
        self._ending = False  # no request after those already taken
        self._unfed: memoryview | None = None  # received, not yet parsed: too much is pipelined
        self._full = False  # reading is paused for what is pipelined
        self._paused = False  # reading is paused for a body nobody consumes
        self.phase = IDLE
        self.since = server.now
        self.body_since = 0.0
        self.body_mark = 0

    # What the sending half does

    def _accept(self, request: Request, endpoint: Endpoint) -> None:
        raise NotImplementedError

    def _answer_shelved(self, shelved: Shelved, fields: dict[bytes, bytes]) -> bool:
        raise NotImplementedError

    def refuse(self, error: HTTPError) -> None:
        raise NotImplementedError

    def _body_complete(self) -> None:
        raise NotImplementedError

    def _upgraded(self, method: str, target: str, fields: dict[bytes, bytes]) -> bool:
        raise NotImplementedError

    @property
    def http_version(self) -> str:
        """`1.1` or `1.0`, of the last request."""
        return "1.0" if self._http10 else "1.1"

    # Bytes in

    def data_received(self, data: bytes) -> None:
        if self._known is not None:
            message = self._known.match(data, self._server.max_request_line)
            if message is not None:
                self._server.received += len(data)
                try:
                    self._take(*message)
                except Exception as error:
                    self._take_failed(error)
                return
            self._known = None  # it holds only where a message begins: not once anything else has been fed
        if self._parser is None:
            return  # refused or lingering: what still arrives is dropped
        if len(data) > self._server.slice_size or self._unfed is not None:
            self._unfed = memoryview(data if self._unfed is None else b"".join((self._unfed, data)))
            self._feed_unfed()
            return
        self._server.received += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            self._parse_failed(error)
            return
        except HttpParserUpgrade as upgrade:
            offset = upgrade.args[0]
        else:
            if self._target or self._chunked:
                self._count(len(data))
            elif self._head is not None:
                self._remember_head(data)
            return
        self._feed_past_upgrade(data[offset:])

    def _remember_head(self, data: bytes) -> None:
        head, self._head = self._head, None
        if head is not None and self._incoming is None and not (self._ending or self._http10):
            self._known = known_head(data, *head)

    def _feed_unfed(self) -> None:
        """Feed a long read a slice at a time, so that what it makes of pipelined requests stays bounded."""
        size = self._server.slice_size
        while self._unfed is not None and not self._full:
            data, rest = self._unfed[:size], self._unfed[size:]
            self._unfed = None
            self.data_received(bytes(data))
            self._unfed = rest if rest and self._parser is not None else None
        if self._unfed is not None:
            self._known = None  # what comes next is in `_unfed`

    def _feed_past_upgrade(self, data: bytes) -> None:
        """An upgrade that was not made is ignored (RFC 9110 §7.8).

        Not within `except`: Python would put the upgrade in the place where httptools leaves a callback's error.
        """
        if data and self._parser is None:  # whoever has the transport now; if it is still us, it is dropped
            cast("asyncio.Protocol", self.transport.get_protocol()).data_received(data)
        while data and self._parser is not None:
            offset = len(data)
            try:
                self._parser.feed_data(data)
            except HttpParserUpgrade as upgrade:
                offset = upgrade.args[0]
            except HttpParserError as error:
                self._parse_failed(error)
            data = data[offset:]
        self._head = None
        if self._target or self._chunked:
            self._count(1)

    def _parse_failed(self, error: HttpParserError) -> None:
        if self._parser is None:
            return  # the input had ended before this
        cause = error.__context__ if isinstance(error, HttpParserCallbackError) else None
        self._take_failed(framing.malformed(str(error)) if cause is None else cause)

    def _take_failed(self, cause: BaseException) -> None:
        if not isinstance(cause, HTTPError):
            _log.error("the wire layer failed on a request", exc_info=cause)
            cause = HTTPError("", status=500, code="internal-error")
        self.refuse(cause.with_traceback(None))  # its frames would tie the body to itself

    def _count(self, size: int) -> None:
        """Bound what an unfinished head, chunk extensions and trailers may take, in bytes and in time.

        The read a message begins in counts as one byte: the rest of it may belong to those before.
        """
        if self._parser is None:
            return  # what has begun will not be answered
        if self.phase == IDLE:
            self.phase = HEAD
            self.since = self._server.now
        self._size += size if self._size else 1
        server, body = self._server, self._incoming
        if body is not None:
            if self._size > server.max_header_bytes + _CHUNK_OVERHEAD * body.received:
                self.refuse(framing.malformed("extensions and trailers outweigh the body", "chunk-overhead"))
        elif len(self._target) > server.max_request_line:
            self.refuse(self._target_too_long())
        elif self._size > server.max_request_line + server.max_header_bytes:
            self.refuse(self._fields_too_large())

    def _fields_too_large(self) -> HTTPError:
        limit = self._server.max_header_bytes
        return HTTPError(f"the header fields are over {limit} bytes", status=431, code="header-fields-too-large")

    # Parser callbacks

    def on_message_begin(self) -> None:
        self._clean = False

    def on_url(self, part: bytes) -> None:
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        fields = self._fields
        if name in fields:
            self._repeated(name, value)
        else:
            fields[name] = value.rstrip()  # llhttp leaves the blanks behind a value (RFC 9112 §5.1)

    def _repeated(self, name: bytes, value: bytes) -> None:
        if name in framing.SINGLE:
            raise framing.malformed(f"the field {name.decode('latin-1')} is repeated", "repeated-field")
        self._repeats += 1
        self._size += 1  # anything but zero has the head looked at
        if self._repeats + len(self._fields) > self._server.max_headers:
            raise self._too_many_fields()
        self._fields[name] += (b"; " if name == b"cookie" else b", ") + value.rstrip()

    def _target_too_long(self) -> HTTPError:
        limit = self._server.max_request_line
        return HTTPError(f"the request target is over {limit} bytes", status=414, code="uri-too-long")

    def _too_many_fields(self) -> HTTPError:
        limit = self._server.max_headers
        return HTTPError(f"more than {limit} header fields", status=431, code="too-many-header-fields")

    def on_headers_complete(self) -> None:
        parser = self._parser
        if parser is None:
            raise _InputEnded
        server, fields, target = self._server, self._fields, self._target
        self._fields = {}
        self._target = b""
        if self._size or len(fields) > server.max_headers or len(target) > server.max_request_line:
            self._check_sizes(fields, target)
        method = METHODS.get(parser.get_method())
        if fields.keys().isdisjoint(_SPECIAL) and parser.should_keep_alive():
            host = fields.get(b"host")  # HTTP/1.1 it is: 1.0 keeps alive only when asked to
            has_body = False
        else:
            has_body = self._inspect(parser, fields)
            host = fields.get(b"host", b"-" if self._http10 else None)
        if host is None or method is None:
            raise framing.no_method() if method is None else framing.no_host()
        check_host(host)
        if target[0] != _SLASH or b"#" in target:
            text = framing.origin_form(method, target, fields)
        else:
            text = target.decode("ascii")
        if b"upgrade" in fields and self._upgraded(method, text, fields):
            return
        self._head = method, target, fields
        self._take(method, text, fields, _TO_COME if has_body else None)

    def _take(self, method: str, target: str, fields: dict[bytes, bytes], body: bytes | None) -> None:
        """Hand over a request; its body is there, is `_TO_COME`, or is None."""
        server = self._server
        shelved = server.shelf.get(target)
        if shelved is not None and body is None and method == "GET" and self._answer_shelved(shelved, fields):
            return
        path, _, query = target.partition("?")
        endpoint, args = server.find(method, path)
        if endpoint is None:
            endpoint, args = server.missing(method, args), ()
        request = Request(
            method, path, query, fields, self, args, endpoint.path_names, server.app, None, monotonic_ns()
        )
        if body is not None:
            self._attach_body(request, endpoint, body)
        self._served += 1
        if self._served == server.max_requests:
            self._ending = True
            self._known = None
        self._accept(request, endpoint)

    def on_body(self, chunk: bytes) -> None:
        body = self._incoming
        if body is None:
            return
        if body.received + len(chunk) > self._max_body:
            raise self._body_too_large()
        body.feed(chunk)

    def on_message_complete(self) -> None:
        self._clean = True
        body = self._incoming
        if body is not None:
            if self._fields:
                framing.check_trailers(self._fields)
                body.trailers = self._fields
                self._fields = {}
            self._chunked = False
            self._size = self._repeats = 0
            self._incoming = None
            body.finish()
            self._body_complete()
        if self._ending:
            self._parser = None  # nothing after this message counts

    # The slower parts of a head

    def _check_sizes(self, fields: dict[bytes, bytes], target: bytes) -> None:
        server = self._server
        if self._repeats + len(fields) > server.max_headers:
            raise self._too_many_fields()
        if len(target) > server.max_request_line:
            raise self._target_too_long()
        if sum(map(len, fields)) + sum(map(len, fields.values())) + 4 * len(fields) > server.max_header_bytes:
            raise self._fields_too_large()
        self._repeats = self._size = 0

    def _inspect(self, parser: HttpRequestParser, fields: dict[bytes, bytes]) -> bool:
        """Check version and framing; true where a body follows."""
        self._http10 = framing.check_version(parser.get_http_version())
        if not parser.should_keep_alive():
            self._ending = True
        coding = fields.get(b"transfer-encoding")
        if coding is not None:
            framing.check_transfer_encoding(coding, self._http10)
        has_body = coding is not None or framing.content_length(fields) > 0
        if has_body and parser.should_upgrade():
            raise framing.malformed("an upgrade with a body is not served", "malformed-upgrade")
        self._expects = False
        if b"expect" in fields and not self._http10:
            framing.check_expect(fields[b"expect"])
            self._expects = has_body
        return has_body

    def _attach_body(self, request: Request, endpoint: Endpoint, body: bytes) -> None:
        self._max_body = endpoint.max_body
        if (framing.content_length(request.fields) if body is _TO_COME else len(body)) > endpoint.max_body:
            raise self._body_too_large()
        if body is not _TO_COME:
            request.stream = WholeBody(body)
            return
        request.stream = self._incoming = Body(self, self._server.body_buffer)
        self.body_since = self._server.now
        self.body_mark = 0
        self._chunked = b"transfer-encoding" in request.fields

    def _body_too_large(self) -> HTTPError:
        return ContentTooLarge(f"the body is over {self._max_body} bytes", max_bytes=self._max_body)

    # What a body asks of its feeder

    def pause_body(self) -> None:
        self._paused = True
        self.transport.pause_reading()

    def resume_body(self) -> None:
        self._paused = False
        self._resume_reading()

    def invite_body(self) -> None:
        if self._expects:
            self._expects = False
            self._judge_rate_from_now()
            self.transport.write(_CONTINUE)

    def _resume_reading(self) -> None:
        self._judge_rate_from_now()
        if not (self._paused or self._full or self.transport.is_closing()):
            # asyncio's own loop calls `data_received` in the context of who has said so last, which is a handler's here
            self._server.context.copy().run(self.transport.resume_reading)

    def _judge_rate_from_now(self) -> None:
        self.body_since = self._server.now
        if self._incoming is not None:
            self.body_mark = self._incoming.received
