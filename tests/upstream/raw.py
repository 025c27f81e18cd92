"""A server that says exactly what a test tells it to, well formed or not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import uvloop

from stanchion.http.response import Response, Stream
from stanchion.upstream.limits import Limits
from stanchion.upstream.outgoing import Outgoing
from stanchion.upstream.pool import Pool
from stanchion.upstream.target import parse_target

T = TypeVar("T")
Talk = Callable[["Talker"], Awaitable[None]]
_MOST_SECONDS = 20.0


class Talker:
    """The server's end of one connection."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number = number
        """Counts the connections, from 0."""
        self.reader = reader
        self.writer = writer

    async def head(self) -> bytes:
        """The next request's head."""
        return await self.reader.readuntil(b"\r\n\r\n")

    async def say(self, *parts: bytes, pause: float = 0.0) -> None:
        """Send the parts, each a write of its own."""
        for part in parts:
            if self.writer.is_closing():
                raise ConnectionResetError("the client has gone")
            self.writer.write(part)
            await self.writer.drain()
            await asyncio.sleep(pause)

    def reset(self) -> None:
        """End the connection with RST."""
        self.writer.transport.abort()


class Upstream:
    """What a test sees of it."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0
        self.heads: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def upstream(talk: Talk) -> AsyncIterator[Upstream]:
    """Serve `talk`, called for each connection; closed when it returns."""
    seen = Upstream()
    tasks: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        talker = Talker(seen.connections, reader, writer)
        seen.connections += 1
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                await talk(talker)
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.sleep(0.01)


def answering(*answers: bytes) -> Talk:
    """Answer the requests of each connection with `answers` in turn, then close."""

    async def talk(talker: Talker) -> None:
        for answer in answers:
            await talker.head()
            await talker.say(answer)

    return talk


def always(answer: bytes) -> Talk:
    """Answer every request with `answer`."""

    async def talk(talker: Talker) -> None:
        while True:
            await talker.head()
            await talker.say(answer)

    return talk


@asynccontextmanager
async def pool_of(seen: Upstream, **limits: Any) -> AsyncIterator[Pool]:
    """A pool of connections to it."""
    pool = Pool(parse_target(seen.url), Limits(**limits))
    try:
        yield pool
    finally:
        await pool.close()


def get(path: str = "/", method: str = "GET", **more: Any) -> Outgoing:
    """A request without a body."""
    return Outgoing(method, f"{method} {path} HTTP/1.1\r\nhost: test\r\n\r\n".encode(), **more)


async def whole(response: Response) -> bytes:
    """The body, read to its end."""
    if isinstance(response, Stream):
        return b"".join([chunk async for chunk in response.chunks()])
    assert isinstance(response.body, bytes)
    return response.body


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run an async function on the loop that serves in production, bounded in time."""

    async def bounded() -> T:
        async with asyncio.timeout(_MOST_SECONDS):
            return await work()

    return uvloop.run(bounded())


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what happens in its own time; five seconds at the most."""
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not happen within five seconds")
