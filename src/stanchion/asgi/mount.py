"""A foreign ASGI 3 app as a route's handler, and what of it is still running.

Where no policy wants to see the answer the app runs in the task of the request, and `send` answers at once: a second
task, and the way back through the first, cost 6 µs a request. With policies around it the app has a task of its own, so
that they get a response, and what runs after it is not theirs.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Protocol, cast

from stanchion.asgi.exchange import Exchange
from stanchion.asgi.labels import Labels
from stanchion.asgi.lifespan import alive
from stanchion.asgi.messages import ASGIApp, Receive, Scope, Send, name_of
from stanchion.asgi.scope import http_scope, websocket_scope
from stanchion.asgi.websocket import Conversation, Socket
from stanchion.http.problem import unexpected
from stanchion.http.request import Request
from stanchion.http.response import ANSWERED, Response


class Host(Protocol):
    """What running in the request's own task asks of the connection."""

    def hand_over(self, request: Request, guest: Exchange) -> "asyncio.Task[Any]":
        """Call `guest.cancel` from now on where the request's task would be cancelled; returns that task."""
        ...

    def answer(self, request: Request, response: Response) -> None:
        """Send a response before the request's task has ended, and go on to the next request."""
        ...


class Foreign:
    """An app as declared, before its prefix is known: the handler of a mount's route."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.__wrapped__ = app  # what `stanchion routes` shows as the handler

    def __repr__(self) -> str:
        return f"<Foreign {name_of(self.app)}>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


class Mount:
    """`app` at `prefix`, which is empty or `/v1`. One object serves one compiled app."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self.app = app
        self.prefix = prefix
        self.state: dict[str, Any] = {}
        self.label = Labels(prefix).of
        self._running: set[asyncio.Task[Any]] = set()

    def __repr__(self) -> str:
        return f"<Mount {self.prefix or '/'}: {name_of(self.app)}, {len(self._running)} running>"

    def statistics(self) -> dict[str, int]:
        """`running`: calls of the app that have not returned, those among them that were answered long since."""
        return {"running": len(self._running)}

    async def call(self, request: Request) -> Response:
        """Serve a request in its own task; the answer is out when this returns."""
        host = cast("Host", request.peer)
        request.scope = scope = http_scope(request, self.prefix, self.state)
        exchange = Exchange(request, scope, host.answer)
        exchange.task = task = host.hand_over(request, exchange)
        running = self._running
        running.add(task)
        try:
            await exchange.run(self.app)
        except Exception as error:
            if not exchange.answered:
                raise
            unexpected(request, error)  # for the log: the answer is out
        finally:
            running.discard(task)
        return ANSWERED

    async def call_apart(self, request: Request) -> Response:
        """Serve a request in a task that goes on after the answer; for the policies around it."""
        answer = _future()
        request.scope = scope = http_scope(request, self.prefix, self.state)
        exchange = Exchange(request, scope, partial(_answered, answer))
        return await self._apart(request, exchange, answer)

    async def handshake(self, request: Request) -> Response:
        """Have the app take or refuse a WebSocket: 101, or its refusal. `request.peer` is the connection's `Socket`."""
        answer = _future()
        request.scope = scope = websocket_scope(request, self.prefix, self.state)
        conversation = Conversation(cast("Socket", request.peer), scope, partial(_answered, answer, request))
        return await self._apart(request, conversation, answer)

    async def _apart(
        self, request: Request, talk: Exchange | Conversation, answer: "asyncio.Future[Response]"
    ) -> Response:
        talk.task = task = asyncio.get_running_loop().create_task(talk.run(self.app))
        self._running.add(task)
        task.add_done_callback(partial(self._ended, request, answer))
        try:
            return await answer
        except asyncio.CancelledError:
            talk.cancel()
            raise

    def _ended(self, request: Request, answer: "asyncio.Future[Response]", task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        if error is None:
            answer.cancel()  # if there was none
        elif answer.done():
            unexpected(request, error)  # for the log: the answer is out, or nobody waits for it
        else:
            answer.set_exception(error)
        self._running.discard(task)

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """The app's own startup and shutdown.

        Raises:
            ConfigurationError: its startup failed.
        """
        self.state = {}
        async with alive(self.app, self.state):
            yield

    async def drain(self, timeout: float) -> None:
        """Wait up to `timeout` seconds for what the app still does after its answers, then cancel it."""
        if self._running:
            await asyncio.wait(self._running, timeout=timeout)
        for _ in range(10):  # what catches its cancellation is cancelled again
            if not self._running:
                break
            for task in self._running:
                task.cancel()
            await asyncio.wait(self._running, timeout=0.1)


def _future() -> "asyncio.Future[Response]":
    return asyncio.get_running_loop().create_future()


def _answered(answer: "asyncio.Future[Response]", request: Request, response: Response) -> None:
    if not answer.done():
        answer.set_result(response)
