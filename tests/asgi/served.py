"""A compiled app on a real server, on uvloop or asyncio's own loop, in a thread."""

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from stanchion.app import App
from stanchion.settings import Settings
from stanchion.wire.http1.protocol import HTTP1
from stanchion.wire.server import Server
from tests.wire.client import Client
from tests.wire.live import Records

T = TypeVar("T")


class ServedApp:
    """Serves `app`, lifespans and all, until `stop`."""

    def __init__(self, new_loop: Callable[[], asyncio.AbstractEventLoop], app: App, settings: Settings) -> None:
        self.loop = new_loop()
        self.compiled = app.compile(settings)
        self._settings = settings
        self._log = Records()
        logging.getLogger("stanchion").addHandler(self._log)
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        self.address: tuple[str, int] = self.run(self._start())

    async def _start(self) -> tuple[str, int]:
        self._lifespan = self.compiled.lifespan()
        await self._lifespan.__aenter__()
        self.server = Server(self.compiled, self._settings, self.loop)
        self._listener = await self.loop.create_server(lambda: HTTP1(self.server), "127.0.0.1", 0)
        address: tuple[str, int] = self._listener.sockets[0].getsockname()
        return address

    def connect(self, **options: Any) -> Client:
        """A new connection to it."""
        return Client(self.address, **options)

    def url(self, path: str) -> str:
        """For a WebSocket client."""
        return f"ws://127.0.0.1:{self.address[1]}{path}"

    def run(self, work: Coroutine[Any, Any, T], timeout: float = 20) -> T:
        """Run a coroutine on the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout)

    def logged(self) -> list[str]:
        """What was logged since this was last asked."""
        records, self._log.records = self._log.records, []
        return [record.getMessage() for record in records]

    def running(self) -> int:
        """Calls of mounted apps that have not returned."""
        return sum(mount.statistics()["running"] for mount in self.compiled.mounts)

    def stop(self, timeout: float = 5) -> list[str]:
        """Drain and end it, once; the tasks that would have stayed."""
        if self.loop.is_closed():
            return []
        try:
            return self.run(self._end(timeout))
        finally:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(10)
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()
            logging.getLogger("stanchion").removeHandler(self._log)

    async def _end(self, timeout: float) -> list[str]:
        self._listener.close()
        await self.server.drain(timeout)
        self.server.stop()
        await self._lifespan.__aexit__(None, None, None)
        mine = asyncio.current_task()
        return [repr(task) for task in asyncio.all_tasks() if task is not mine]
