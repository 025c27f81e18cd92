"""Handlers several tests share."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from stanchion.http.request import Request
from stanchion.http.response import JSON, TEXT, Response


def hello(request: Request) -> Response:
    """Runs inline."""
    return Response(b"hello", media_type=TEXT)


async def hello_task(request: Request) -> Response:
    return Response(b"hello", media_type=TEXT)


def path_of(request: Request) -> Response:
    """Runs inline."""
    return Response(request.path.encode(), media_type=TEXT)


async def path_task(request: Request) -> Response:
    return Response(request.path.encode(), media_type=TEXT)


async def path_later(request: Request) -> Response:
    """Answers its path after as many seconds as the query says."""
    await asyncio.sleep(float(request.query_string or 0.05))
    return Response(request.path.encode(), media_type=TEXT)


async def echo(request: Request) -> Response:
    """Answers all of the request."""
    body = await request.body()
    said = {
        "method": request.method,
        "path": request.path,
        "query": request.query_string,
        "headers": dict(request.headers),
        "body": body.decode("latin-1"),
    }
    return Response(msgspec.json.encode(said), media_type=JSON)


async def swallow(request: Request) -> Response:
    """Answers how long the body is."""
    size = 0
    async for chunk in request.chunks():
        size += len(chunk)
    return Response(b"%d" % size, media_type=TEXT)


class Asleep:
    """A handler that sleeps until it is cancelled or woken; `started` and `cancelled` count."""

    def __init__(self) -> None:
        self.started = 0
        self.cancelled = 0

    def handler(self) -> Callable[[Request], Any]:
        async def asleep(request: Request) -> Response:
            self.started += 1
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
            return Response(b"late")

        return asleep
