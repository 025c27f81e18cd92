"""An app served on the loopback with a tracer, in the loop of the test."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from stanchion import App
from stanchion.settings import Settings
from stanchion.telemetry.access_log import AccessLog
from stanchion.telemetry.tracer import tracer_of
from stanchion.wire.http1.proxied import connection_of
from stanchion.wire.loop import new_loop
from stanchion.wire.server import Server
from tests.telemetry.collector import Collector

T = TypeVar("T")


class Traced:
    """A server whose requests are recorded, and its access log where it has one."""

    def __init__(self, port: int, server: Server, lines: list[bytes]) -> None:
        self.server = server
        self.port = port
        self._lines = lines

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body of the answer, on a connection of its own."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        fields = {"Host": "test", "Connection": "close", **(headers or {})}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        writer.write(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
        async with asyncio.timeout(20):
            answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), body

    async def repeat(self, path: str, times: int) -> None:
        """The same request again and again on one connection, each answered 200."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        async with asyncio.timeout(20):
            for _ in range(times):
                writer.write(f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                assert head.startswith(b"http/1.1 200")
                await reader.readexactly(int(head.partition(b"content-length: ")[2].split()[0]))
        writer.close()
        await writer.wait_closed()

    def logged(self) -> list[dict[str, Any]]:
        """Lines of the access log so far."""
        if self.server.log is not None:
            self.server.log.flush()
        return [json.loads(line) for part in self._lines for line in part.splitlines()]


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """On the loop that workers have."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(main())


@asynccontextmanager
async def traced(
    app: App, collector: Collector, *, sampled: float = 1.0, access_log: bool = True, **settings: Any
) -> AsyncIterator[Traced]:
    """Serves the app; at the end all spans are sent."""
    declared = Settings(traces=collector.url, traces_sampled=sampled, **settings)
    tracer = tracer_of(declared, app.name)
    assert tracer is not None
    loop = asyncio.get_running_loop()
    compiled = app.compile(declared)
    lines: list[bytes] = []
    log = AccessLog(lines.append, form="json") if access_log else None
    try:
        async with compiled.lifespan():
            server = Server(compiled, declared, loop, log=log, tracing=tracer)
            listener = await loop.create_server(lambda: connection_of(server), "127.0.0.1", 0)
            yield Traced(listener.sockets[0].getsockname()[1], server, lines)
            listener.close()
            await server.drain(1)
            server.stop()
    finally:
        await asyncio.to_thread(tracer.close, 10)
