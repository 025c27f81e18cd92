"""A real server on a loop of its own in a thread, served by endpoints made by hand."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Self, TypeVar

import uvloop

from stanchion.errors import NotFound
from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.routing.route import Endpoint, Route
from stanchion.settings import Settings
from stanchion.telemetry.decisions import Decisions
from stanchion.wire.http1.protocol import HTTP1
from stanchion.wire.server import Server
from tests.wire.client import Client

T = TypeVar("T")
Handler = Callable[[Request], Any]
LOOPS: Mapping[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "uvloop": uvloop.new_event_loop,
    "asyncio": asyncio.new_event_loop,
}
ANY = "any path"
_MOST_BODY = 1024 * 1024


def endpoint(handler: Handler, *, max_body: int = _MOST_BODY) -> Endpoint:
    """A coroutine function runs in a task, any other inline."""
    route = Route(method="GET", template="/", handler=handler, name=handler.__name__)
    if asyncio.iscoroutinefunction(handler):
        return Endpoint(route, handler, None, (), max_body)

    async def call(request: Request) -> Response:
        return handler(request)

    return Endpoint(route, call, handler, (), max_body)


def _not_found(request: Request) -> Response:
    raise NotFound("no route has this path")


class Routes:
    """What is served: handlers by path, whatever the method."""

    app = None

    def __init__(self, handlers: Mapping[str, Handler | Endpoint]) -> None:
        self._endpoints = {
            path: handler if isinstance(handler, Endpoint) else endpoint(handler) for path, handler in handlers.items()
        }
        self._missing = endpoint(_not_found)

    def find(self, method: str, path: str) -> tuple[Any, Any]:
        found = self._endpoints.get(path) or self._endpoints.get(ANY)
        return (None, []) if found is None else (found, ())

    def decisions(self) -> Decisions:
        return Decisions()

    def missing(self, method: str, allowed: Sequence[str]) -> Endpoint:
        return self._missing


def until(holds: Callable[[], bool]) -> None:
    """Wait for something the server does in its own time; five seconds at the most."""
    end = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


class Records(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


class Live:
    """A server that serves `handlers` on 127.0.0.1 until `stop`."""

    def __init__(
        self,
        new_loop: Callable[[], asyncio.AbstractEventLoop],
        handlers: Mapping[str, Handler | Endpoint],
        settings: Settings,
        protocol: type[HTTP1] = HTTP1,
    ) -> None:
        self.loop = new_loop()
        self.settings = settings
        self._routes = Routes(handlers)
        self._protocol = protocol
        self._log = Records()
        self._loggers = [logging.getLogger(name) for name in ("stanchion", "asyncio")]
        for logger in self._loggers:
            logger.addHandler(self._log)
        self._thread = threading.Thread(target=self._run, name="server")
        self._thread.start()
        self.address: tuple[str, int] = self.run(self._start())

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    async def _start(self) -> tuple[str, int]:
        self.server = Server(self._routes, self.settings, self.loop)
        self._listener = await self.loop.create_server(lambda: self._protocol(self.server), "127.0.0.1", 0)
        address: tuple[str, int] = self._listener.sockets[0].getsockname()
        return address

    def connect(self, **options: Any) -> Client:
        """A new connection to it."""
        return Client(self.address, **options)

    def run(self, work: Coroutine[Any, Any, T], timeout: float = 10) -> T:
        """Run a coroutine on the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout)

    def call(self, work: Callable[[], T]) -> T:
        """Run a function on the server's loop."""

        async def called() -> T:
            return work()

        return self.run(called())

    def logged(self) -> list[logging.LogRecord]:
        """What was logged since this was last asked."""
        records, self._log.records = self._log.records, []
        return records

    def connections(self) -> int:
        return self.call(lambda: len(self.server.connections))

    def tasks(self) -> list[str]:
        """Handlers that are still at work."""

        async def names() -> list[str]:
            mine = asyncio.current_task()
            return [repr(task.get_coro()) for task in asyncio.all_tasks() if task is not mine]

        return self.run(names())

    def stop(self) -> tuple[int, list[str]]:
        """End it; connections and tasks that would have stayed for ever."""
        try:
            self.run(self._end())
            return self.connections(), self.tasks()
        finally:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(10)
            self.loop.close()
            for logger in self._loggers:
                logger.removeHandler(self._log)

    async def _end(self) -> None:
        self._listener.close()
        await asyncio.sleep(0.005)  # for connections that are being accepted
        await self.server.drain(0)
        self.server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
