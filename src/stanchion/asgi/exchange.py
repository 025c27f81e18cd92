"""One HTTP request's conversation with an app: `receive` and `send` (ASGI HTTP spec 2.4).

The answer is delivered as a `Response` when it is known whole, as a `Stream` when the app says there is more. What
the app does after that goes on.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any, Protocol, cast

from msgspec import Struct

from stanchion.asgi.answer import Head, head_of
from stanchion.asgi.feed import Feed
from stanchion.asgi.messages import ASGIApp, ClientLeft, Message, Scope, invalid, of_leaving
from stanchion.http.files import File
from stanchion.http.request import Request
from stanchion.http.response import Response, Stream

Deliver = Callable[[Request, Response], None]
_BODILESS = frozenset((204, 304))


class Served(Protocol):
    """What an exchange needs of the connection its request came by."""

    @property
    def closing(self) -> bool:
        """The client has gone."""
        ...


# How far an answer is.
_START, _BODY, _STREAM, _DISCARD, _DONE = range(5)
_EXPECTED = ("http.response.start", "http.response.body", "http.response.body", "http.response.body", "nothing more")


class Exchange(Struct, eq=False):
    """`deliver` is called once, with the request and its response. A Struct for the same reason as the request."""

    request: Request
    scope: Scope
    deliver: Deliver
    answered: bool = False
    task: "asyncio.Task[None] | None" = None
    """In which the app runs."""
    _stage: int = _START
    _head: Head | None = None
    _feed: Feed | None = None
    _gone: bool = False
    _body_taken: bool = False
    _over: asyncio.Event | None = None
    """There is nothing more to receive."""

    def __repr__(self) -> str:
        return f"<Exchange waits for {_EXPECTED[self._stage]}{', client gone' if self._gone else ''}>"

    def leave(self) -> None:
        """The client has gone: `receive` says so, `send` raises."""
        self._gone = True
        self._end()

    def cancel(self) -> None:
        """Nobody waits for the answer any more. A client's leaving the app is told, a deadline's end cancels it."""
        self.leave()
        if self.task is not None and not has_left(self.request):
            self.task.cancel()

    def _end(self) -> None:
        if self._over is not None:
            self._over.set()

    async def run(self, app: ASGIApp) -> None:
        """Call the app.

        Raises:
            Exception: what it raised, unless that has broken off its answer, or it only noticed that its client left.
            InvalidMessage: it has returned without an answer.
        """
        failure: Exception | None = None
        try:
            await app(self.scope, self.receive, self.send)
        except Exception as error:
            if self._gone and of_leaving(error):
                return
            failure = error
        except asyncio.CancelledError:
            if self._feed is not None:
                self._feed.fail(RuntimeError("the ASGI app was cancelled in the middle of its answer"))
            raise
        if self._feed is not None and not self._feed.ended and not self._gone:
            self._feed.fail(failure or RuntimeError("the ASGI app returned before the end of its answer"))
        elif failure is not None:
            raise failure
        elif not self.answered and not self._gone:
            raise RuntimeError(f"the ASGI app returned without an answer; it should send {_EXPECTED[self._stage]!r}")

    # From the client

    async def receive(self) -> Message:
        """The next part of the body; after it `http.disconnect`, once the answer is out or the client gone."""
        if not self._body_taken and not self._gone:
            message = await self._next_of_body()
            if message is not None:
                return message
            self.leave()
        if not self._gone and self._stage != _DONE:
            if self._over is None:
                self._over = asyncio.Event()
            await self._over.wait()
        return {"type": "http.disconnect"}

    async def _next_of_body(self) -> Message | None:
        """A message, or None where no more of the body will arrive; the wire layer tells the client why."""
        body = self.request.stream
        if body is None:
            self._body_taken = True
            return {"type": "http.request", "body": b"", "more_body": False}
        if not body.complete:
            try:
                async with aclosing(body.chunks()) as chunks:  # type: ignore[type-var]
                    async for chunk in chunks:
                        return {"type": "http.request", "body": chunk, "more_body": True}
            except Exception:
                if body.error is None:
                    raise
                return None
        self._body_taken = True
        return {"type": "http.request", "body": body.take(), "more_body": False}

    # To the client

    async def send(self, message: Message) -> None:
        """Take a message from the app.

        Raises:
            ClientLeft: the client has gone.
            InvalidMessage: it is not one that may come now.
        """
        kind, stage = message.get("type"), self._stage
        if stage == _START and kind == "http.response.start":
            self._head = head_of(message)
            self._stage = _BODY
            return
        if self._gone:
            raise ClientLeft
        if kind != "http.response.body" or stage in (_START, _DONE):
            if stage == _BODY and kind == "http.response.pathsend":
                self._send_path(message)
                return
            raise invalid(message, f"{_EXPECTED[stage]!r} in this place")
        chunk, more = message.get("body", b""), message.get("more_body", False)
        if type(chunk) is not bytes:
            chunk = _as_bytes(chunk, message)
        if stage == _BODY:
            head = self._head
            if more or head is None or head.status in _BODILESS or self.request.method == "HEAD":
                await self._begin(chunk, more)
                return
            self._stage = _DONE
            if self._over is not None:
                self._over.set()
            self.answered = True
            response = Response(chunk, head.status, head.media_type, head.headers, head.more_headers, date=head.date)
            self.deliver(self.request, response)
        elif self._feed is not None:
            await self._continue(self._feed, chunk, more)
        elif not more:
            self._done()

    async def _begin(self, chunk: bytes, more: bool) -> None:
        head = self._head
        assert head is not None
        bodiless = self.request.method == "HEAD" or head.status in _BODILESS
        self._stage = _DISCARD if bodiless else _STREAM
        if not more:
            self._done()
        if head.status in _BODILESS:
            self._answer(Response(b"", head.status, None, head.headers, head.more_headers, date=head.date))
            return
        length = len(chunk) if head.length is None and not more else head.length
        feed = Feed(self.leave)
        response = Stream(feed, head.status, head.media_type, head.headers, head.more_headers, length)
        response.date = head.date
        self._answer(response)
        if bodiless:
            await feed.put(b"", more=False)
        else:
            self._feed = feed
            await feed.put(chunk, more=True)

    async def _continue(self, feed: Feed, chunk: bytes, more: bool) -> None:
        if not more:
            self._done()
        await feed.put(chunk, more=more)
        if self._gone:
            raise ClientLeft

    def _send_path(self, message: Message) -> None:
        head, path = self._head, message.get("path")
        assert head is not None
        if not isinstance(path, str):
            raise invalid(message, '"path" a str')
        self._done()
        response = File(path, head.status, head.media_type, head.headers, head.more_headers, plain=True)
        response.date = head.date
        self._answer(response)

    def _answer(self, response: Response) -> None:
        self.answered = True
        self.deliver(self.request, response)

    def _done(self) -> None:
        self._stage = _DONE
        self._end()


def has_left(request: Request) -> bool:
    """Whether the client has gone, or has sent a body that cannot be served; else it is us who break off."""
    body = request.stream
    return bool(cast("Served", request.peer).closing) or (body is not None and body.error is not None)


def _as_bytes(chunk: Any, message: Message) -> bytes:
    if not isinstance(chunk, bytes | bytearray | memoryview):
        raise invalid(message, '"body" bytes')
    return bytes(chunk)
