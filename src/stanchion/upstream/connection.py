"""One connection to an upstream: a request out, its answer in, one at a time.

The pool lends it; when an answer is whole it goes back by itself. Whatever ends early (a cancelled caller, a timeout,
a malformed answer, a body not read to its end) closes it: a connection in doubt is never used again.
"""

import asyncio
from contextlib import aclosing, suppress
from functools import partial
from typing import Protocol

from stanchion.http.response import Response, Stream
from stanchion.upstream.failures import UpstreamFailure, UpstreamMalformed, UpstreamTimeout, stale
from stanchion.upstream.heads import Field
from stanchion.upstream.incoming import Incoming
from stanchion.upstream.limits import Limits
from stanchion.upstream.outgoing import Outgoing
from stanchion.upstream.receiving import BODY, GONE, HEAD, IDLE, Receiving
from stanchion.upstream.switched import Switched

_CONTINUE_WITHIN = 1.0
"""Seconds that 100 is waited for: an upstream that knows nothing of it waits for the body (RFC 9110 §10.1.1)."""


_READER_PATIENCE = 10
"""Body timeouts that whoever reads an answer may leave it: a client may be slow, which the wire layer judges."""


class Home(Protocol):
    """What a connection asks of its pool."""

    now: float
    loop: asyncio.AbstractEventLoop

    def opened(self, connection: "Connection") -> None: ...

    def release(self, connection: "Connection") -> None: ...

    def forget(self, connection: "Connection") -> None: ...


class Connection(Receiving):
    """See the module. `since` is when something last happened, for the pool's sweep."""

    __slots__ = ("_blocked", "_drained", "_home", "_invited", "_request", "_upload", "_waiter", "since", "used")

    def __init__(self, home: Home, limits: Limits) -> None:
        super().__init__(limits)
        self._home = home
        self._request: Outgoing | None = None
        self._waiter: asyncio.Future[Response] | None = None
        self._upload: asyncio.Task[None] | None = None  # until the body is sent
        self._invited: asyncio.Future[bool] | None = None
        self._blocked = False
        self._drained: asyncio.Future[None] | None = None
        self.since = home.now
        self.used = 0

    def __repr__(self) -> str:
        stage = ("idle", "awaits a head", "awaits a body", "done", "gone")[self._stage]
        return f"<Connection {stage}, {self.used} used>"

    @property
    def usable(self) -> bool:
        """It is idle, as far as is known here."""
        return self._stage == IDLE and not self.transport.is_closing()

    # Transport callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        if self._stage == GONE:
            self.transport.abort()  # whoever wanted it has left: the loop finishes what it had begun all the same
        else:
            self._home.opened(self)

    def connection_lost(self, error: Exception | None) -> None:
        if self._stage == BODY and error is None:
            self.eof_received()
        if self._stage != GONE:
            if self._stage == HEAD and self._size == 0 and self.used > 1:
                self._fail(stale("the upstream has closed a kept connection"))
            else:
                self._fail(UpstreamFailure("the upstream has closed the connection before the end of its answer"))
        self._home.forget(self)
        self.resume_writing()

    def pause_writing(self) -> None:
        self._blocked = True

    def resume_writing(self) -> None:
        self._blocked = False
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def data_received(self, data: bytes) -> None:
        self.since = self._home.now
        super().data_received(data)

    def resume_body(self) -> None:
        self.since = self._home.now
        super().resume_body()

    # One exchange

    async def exchange(self, request: Outgoing) -> Response:
        """Send a request; its answer, or the beginning of it.

        Raises:
            UpstreamFailure: there is none.
            HTTPError: the request's own body cannot be read to its end.
        """
        home = self._home
        self._request = request
        self.since = home.now
        self.used += 1
        self._await_head(head_only=request.method == "HEAD")
        waiter: asyncio.Future[Response] = home.loop.create_future()
        self._waiter = waiter
        self.transport.write(request.head + request.content if request.content else request.head)
        if request.stream is not None:
            self._upload = home.loop.create_task(self._send_body(request))
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                self.abort()
            elif waiter.exception() is None:  # the answer was there in the same turn
                await discard(waiter.result())
            raise

    def abort(self) -> None:
        """End it now, whatever it does."""
        self._part_from(None)
        self.transport.abort()

    def abandon(self) -> None:
        """Whoever wanted it has left, perhaps before it was there: then it ends as soon as it is."""
        self._stage = GONE
        if hasattr(self, "transport"):
            self.abort()

    def check(self, now: float) -> None:
        """Fail what has taken too long."""
        waited, limits = now - self.since, self._limits
        if self._stage == IDLE:
            if waited > limits.keep:
                self._stage = GONE
                self.transport.close()
        elif self._stage == HEAD:
            if waited > limits.answer_timeout and (self._upload is None or self._blocked):
                self._fail(UpstreamTimeout(f"the upstream has not answered within {limits.answer_timeout:g} s"))
        elif self._stage == BODY and waited > limits.body_timeout * (_READER_PATIENCE if self._paused else 1):
            self._fail(UpstreamTimeout(f"the upstream's answer has stood still for {limits.body_timeout:g} s"))

    # What the receiving half tells

    def _deliver(self, response: Response) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(response)
        elif self._stage == BODY:
            self.abort()  # nobody will read it

    def _complete(self, *, reusable: bool) -> None:
        self._trailers = []
        self._request = None
        if self._upload is not None:
            self._upload.cancel()  # answered before the end of the body
            reusable = False
        if self._paused:
            self._paused = False
            self.transport.resume_reading()
        if reusable and not self.transport.is_closing():
            self._stage = IDLE
            self._home.release(self)
        else:
            self._stage = GONE
            self.transport.close()

    def _fail(self, error: Exception) -> None:
        self._part_from(error)
        self.transport.abort()

    def _continue(self) -> None:
        if self._invited is not None and not self._invited.done():
            self._invited.set_result(True)

    def _inform(self, status: int, fields: list[Field]) -> None:
        if self._request is not None and self._request.informed is not None:
            self._request.informed(status, fields)

    def _switch(self, response: Response, rest: bytes) -> None:
        if self._request is None or not self._request.upgrade:
            self._fail(UpstreamMalformed("the upstream has switched protocols without being asked"))
            return
        self._stage = GONE
        self.transport.pause_reading()
        ended = partial(self._home.forget, self)
        fields = response.fields
        self._deliver_switched(Switched(b"", 101, fields=fields, other=self.transport, rest=rest, ended=ended))

    def _deliver_switched(self, response: Switched) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is None or waiter.done():
            self.transport.abort()
        else:
            waiter.set_result(response)

    def _part_from(self, error: Exception | None) -> None:
        """Let go of whoever waits: with `error`, or None where nobody has to be told."""
        incoming, self._incoming = self._incoming, None
        waiter, self._waiter = self._waiter, None
        self._stage = GONE
        self._body = []
        self._request = None
        if self._upload is not None:
            self._upload.cancel()
        if error is not None:
            if incoming is not None:
                incoming.fail(error)
            if waiter is not None and not waiter.done():
                waiter.set_exception(error)

    # The request's body

    async def _send_body(self, request: Outgoing) -> None:
        body, chunked = request.stream, request.chunked
        assert body is not None
        try:
            if request.expects and not await self._is_invited():
                return
            async with aclosing(body.chunks()) as chunks:  # type: ignore[type-var]
                async for chunk in chunks:
                    self.transport.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk)
                    self.since = self._home.now
                    if self._blocked:
                        await self._drain()
        except Exception as error:
            self._fail(error)
            return
        if chunked:
            trailers = b"".join([b"%b: %b\r\n" % field for field in (body.trailers or {}).items()])
            self.transport.write(b"0\r\n%b\r\n" % trailers)
        self.since = self._home.now
        self._upload = None

    async def _is_invited(self) -> bool:
        """Wait until the upstream asks for the body, or has let pass the time in which it would."""
        self._invited = self._home.loop.create_future()
        timer = self._home.loop.call_later(_CONTINUE_WITHIN, self._continue)
        try:
            return await self._invited
        finally:
            timer.cancel()
            self._invited = None

    async def _drain(self) -> None:
        self._drained = self._home.loop.create_future()
        await self._drained
        if self.transport.is_closing():
            raise UpstreamFailure("the upstream has closed the connection before the end of the request")


async def discard(response: Response) -> None:
    """Let go of a response that nobody will send."""
    if isinstance(response, Switched) and response.other is not None:
        response.other.abort()
        response.ended()
    elif isinstance(response, Stream) and isinstance(response.body, Incoming):
        with suppress(Exception):
            await response.body.aclose()
