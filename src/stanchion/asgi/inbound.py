"""One HTTP request under another server: its messages to a request, the response to messages.

The endpoint works in a task of its own, so that a client that leaves can cancel it, as under Stanchion's own server.
"""

import asyncio
from contextvars import copy_context
from typing import Protocol

from stanchion.asgi.messages import Receive, Scope, Send
from stanchion.asgi.outbound import Outbound
from stanchion.asgi.visitor import Served, Visitor, request_of
from stanchion.errors import ContentTooLarge, HTTPError
from stanchion.http.body import Body
from stanchion.http.problem import problem, unexpected
from stanchion.http.request import Request
from stanchion.http.response import ANSWERED, Response
from stanchion.routing.route import Endpoint


class Guest(Protocol):
    """Is cancelled in the place of a task."""

    def cancel(self) -> object: ...


class Inbound(Visitor):
    """One request, its body and its answer."""

    def __init__(self, served: Served, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(served, scope)
        self._served = served
        self._receive = receive
        self._out = Outbound(scope, send)
        self._room = asyncio.Event()
        self._room.set()
        self._work: asyncio.Task[None] | None = None
        self._guest: Guest | None = None
        self._sending: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Answer the request.

        Raises:
            Exception: what breaks off a response that has begun; the server then closes the connection.
        """
        try:
            request, endpoint = request_of(self._served, self)
            self._expect_body(request, endpoint)
        except HTTPError as error:
            request = Request(self.scope["method"], self.scope["path"], "", {}, self)
            await self._out.respond(request, problem(error, request))
            return
        if endpoint.inline is not None and request.stream is None:
            await self._send(request, self._inline(request, endpoint))
            return
        self._work = asyncio.create_task(self._serve(request, endpoint))
        watch = asyncio.create_task(self._watch(request, endpoint))
        try:
            await asyncio.wait((self._work, watch), return_when=asyncio.FIRST_COMPLETED)
            if self.closing:
                self._leave()
            for task in (self._work, self._sending):
                if task is not None:
                    await self._end_of(task)
        finally:
            for task in (watch, self._work, self._sending):
                if task is not None:
                    task.cancel()

    async def _end_of(self, task: "asyncio.Task[None]") -> None:
        await asyncio.wait((task,))
        failure = None if task.cancelled() else task.exception()
        if failure is not None and not self.closing:
            raise failure

    def _leave(self) -> None:
        work = self._guest or self._work
        assert work is not None
        work.cancel()
        if self._sending is not None:
            self._sending.cancel()

    def _expect_body(self, request: Request, endpoint: Endpoint) -> None:
        length = int(request.fields.get(b"content-length") or b"0")
        if length > endpoint.max_body:
            raise _too_large(endpoint)
        if length or b"transfer-encoding" in request.fields or not self.http_version.startswith("1"):
            request.stream = Body(self, self._served.settings.body_buffer)

    def _inline(self, request: Request, endpoint: Endpoint) -> Response:
        assert endpoint.inline is not None
        try:
            return copy_context().run(endpoint.inline, request)
        except Exception as error:
            return _failed(request, error)

    async def _serve(self, request: Request, endpoint: Endpoint) -> None:
        try:
            response = await endpoint.call(request)
        except asyncio.CancelledError:
            if self._refused(request) is None:
                raise
            response = ANSWERED
        except Exception as error:
            response = _failed(request, error)
        if response is ANSWERED:
            refused = self._refused(request)
            if refused is None or self._sending is not None:
                return
            response = problem(refused, request)
        await self._send(request, response)

    def _refused(self, request: Request) -> HTTPError | None:
        """Why the body was not taken to its end: a mounted app takes it for its client leaving, and may be silent."""
        error = None if request.stream is None else request.stream.error
        return error if isinstance(error, HTTPError) else None

    async def _send(self, request: Request, response: Response) -> None:
        try:
            await self._out.respond(request, response)
        except Exception as error:
            if self._out.started or self.closing:
                raise
            await self._out.respond(request, _failed(request, error))

    async def _watch(self, request: Request, endpoint: Endpoint) -> None:
        """Feed the body, then wait for the client to leave."""
        body = request.stream
        while True:
            await self._room.wait()
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.closing = True
                if body is not None:
                    body.fail(ConnectionResetError("the client has gone away"))
                return
            if body is None or body.complete:
                continue
            chunk = message.get("body", b"")
            if body.received + len(chunk) > endpoint.max_body:
                body.fail(_too_large(endpoint))
            elif chunk:
                body.feed(chunk)
            if not message.get("more_body", False):
                body.finish()

    # What a body asks of its feeder

    def pause_body(self) -> None:
        """Read no more for now."""
        self._room.clear()

    def resume_body(self) -> None:
        """Read on."""
        self._room.set()

    def invite_body(self) -> None:
        """The server sends 100 Continue by itself."""

    # What a mounted app asks

    def hand_over(self, request: Request, guest: Guest) -> "asyncio.Task[None]":
        """See `mount.Host`."""
        assert self._work is not None
        self._guest = guest
        return self._work

    def answer(self, request: Request, response: Response) -> None:
        """See `mount.Host`."""
        self._sending = asyncio.create_task(self._send(request, response))


def _too_large(endpoint: Endpoint) -> ContentTooLarge:
    return ContentTooLarge(f"the body is over {endpoint.max_body} bytes", max_bytes=endpoint.max_body)


def _failed(request: Request, error: Exception) -> Response:
    return problem(error, request) if isinstance(error, HTTPError) else unexpected(request, error)
