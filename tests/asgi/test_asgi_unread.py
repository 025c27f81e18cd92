"""Streams that a host never begins to read: their sources are closed all the same."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from stanchion import App, Cache, Stream


class Source:
    """An iterator that holds something, such as a connection, from when it is made."""

    def __init__(self) -> None:
        self.closed = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        return b"x" * 4096

    async def aclose(self) -> None:
        self.closed = True


class ClientLeft(Exception):
    """What a host's `send` raises."""


async def called(app: App, method: str, *, leaves: bool = False) -> list[str]:
    """The messages that one request is answered with."""
    sent: list[str] = []
    events: list[dict[str, Any]] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        if events:
            return events.pop()
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        if leaves:
            raise ClientLeft
        sent.append(message["type"])

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"a")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    try:
        async with asyncio.timeout(5):
            await app(scope, receive, send)
    except ClientLeft:
        assert leaves
    return sent


@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize("cached", [True, False])
def test_it_is_closed(method: str, cached: bool) -> None:
    source = Source()
    app = App("unread")
    options: dict[str, Any] = {"cache": Cache(ttl=60)} if cached else {}

    @app.get("/", **options)
    async def endless() -> Stream:
        return Stream(source, media_type="application/octet-stream")

    async def main() -> None:
        sent = await called(app, method, leaves=method == "GET")
        assert sent == ([] if method == "GET" else ["http.response.start", "http.response.body"])
        for _ in range(1000):  # a body that may be kept is read until it is too large
            if source.closed:
                break
            await asyncio.sleep(0)
        assert source.closed

    asyncio.run(main())
