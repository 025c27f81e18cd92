"""A way to a server that can swallow whatever is sent on it: a cable that was cut, a firewall that drops."""

import asyncio
import threading
from contextlib import suppress


class Passage:
    """Passes connections from a port of its own on to another of the loopback."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._way = asyncio.Event()
        self._way.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port: int = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(5)

    async def _listen(self) -> int:
        self._server = await asyncio.start_server(self._joined, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def cut(self) -> None:
        """Nothing comes through in either direction, and nobody is told: new connections seem to be made."""
        self._loop.call_soon_threadsafe(self._way.clear)

    def mend(self, *, lost: bool) -> None:
        """What is sent comes through again. Where the connections are `lost`, only for new ones: what was between had
        kept their state, as a translating router does."""
        old = self._way
        if lost:
            self._way = asyncio.Event()
        self._loop.call_soon_threadsafe(self._way.set)
        assert lost or self._way is old

    def close(self) -> None:
        """End all connections."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        way = self._way
        try:
            await way.wait()
            there, back = await asyncio.open_connection("127.0.0.1", self._to)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(_pass(reader, back, way))
                    group.create_task(_pass(there, writer, way))
            finally:
                back.close()
        except (asyncio.CancelledError, OSError, ExceptionGroup):
            pass
        finally:
            writer.close()


async def _pass(source: asyncio.StreamReader, to: asyncio.StreamWriter, way: asyncio.Event) -> None:
    while data := await source.read(1 << 16):
        await way.wait()
        to.write(data)
    await way.wait()
    with suppress(OSError):
        to.write_eof()
