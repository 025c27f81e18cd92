"""A connection that is over leaves nothing: no entry, no task, and no cycle that waits for the collector."""

import asyncio
import gc
import logging
import os
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, ClassVar
from weakref import WeakSet

import pytest

from stanchion.errors import Conflict
from stanchion.http.request import Request
from stanchion.http.response import Response, Stream
from stanchion.wire.http1.protocol import HTTP1
from stanchion.wire.server import Server
from tests.wire.client import Client, chunked, get, post
from tests.wire.conftest import Serve
from tests.wire.handlers import Asleep, echo, hello, path_later, swallow
from tests.wire.live import Live, endpoint, until

LARGE = 2 << 20


async def _conflict(request: Request) -> Response:
    raise Conflict("taken")


async def _boom(request: Request) -> Response:
    raise RuntimeError("unexpected")


async def _large(request: Request) -> Response:
    return Response(bytes(LARGE))


async def _stream(request: Request) -> Response:
    async def parts() -> Any:
        while True:
            yield b"part"
            await asyncio.sleep(0.001)

    return Stream(parts())


HANDLERS: dict[str, Any] = {
    "/": hello,
    "/asleep": Asleep().handler(),
    "/boom": _boom,
    "/conflict": _conflict,
    "/echo": endpoint(echo, max_body=1000),
    "/large": _large,
    "/later": path_later,
    "/stream": _stream,
    "/swallow": endpoint(swallow, max_body=1000),
}
Kind = Callable[[Client], Any]
KINDS: dict[str, Kind] = {
    "never used": lambda client: client,
    "keep-alive": lambda client: client.send(get() * 3).answers(3),
    "close": lambda client: client.send(get("/", "connection: close")).last_answer(),
    "half a head": lambda client: client.send(get()[:-2]),
    "half-closed": lambda client: client.send(get("/later?0.001")).end().last_answer(),
    "gone while handled": lambda client: client.send(get("/asleep")),
    "gone with a queue": lambda client: client.send(get("/asleep") * 5),
    "reset": lambda client: client.send(get("/asleep")).reset(),
    "body": lambda client: client.send(post("/echo", b"hello") + chunked("/swallow", b"a", b"b")).answers(2),
    "body not read": lambda client: client.send(post("/conflict", b"hello")[:-1]).last_answer(),
    "body too large": lambda client: client.send(post("/echo", bytes(1001))).last_answer(),
    "chunked body too large": lambda client: client.send(chunked("/swallow", bytes(2000))).last_answer(),
    "body ends early": lambda client: client.send(post("/echo", b"hello")[:-1]).end().last_answer(),
    "gone within its body": lambda client: client.send(post("/echo", b"hello")[:-1]),
    "malformed": lambda client: client.send(b"nonsense\r\n\r\n").last_answer(),
    "malformed behind others": lambda client: client.send(get("/later?0") * 2 + b"nonsense\r\n\r\n").answers(3),
    "malformed body": lambda client: client.send(chunked("/echo", b"a", end=b"nonsense\r\n")).last_answer(),
    "problem": lambda client: client.send(get("/conflict") + get("/none")).answers(2),
    "failure": lambda client: client.send(get("/boom")).answer(),
    "large": lambda client: client.send(get("/large")).answer(),
    "gone while written": lambda client: client.send(get("/large")).until(b"\r\n\r\n"),
    "stream": lambda client: client.send(get("/stream")).until(b"part"),
    "upgrade": lambda client: client.send(get("/", "connection: upgrade", "upgrade: x") * 2).answers(2),
    "many": lambda client: client.send(get("/later?0") * 200).answers(200),
    "expectation": lambda client: client.send(get("/echo", "expect: 200", method="POST")).last_answer(),
}


def run(live: Live, kind: Kind, times: int) -> None:
    with ExitStack() as stack:
        for _ in range(times):
            kind(stack.enter_context(live.connect()))
    until(lambda: live.connections() == 0 and live.tasks() == [])


class Tracked(HTTP1):
    """A connection one can ask whether it is still there."""

    __slots__ = ("__weakref__",)
    there: ClassVar[WeakSet[HTTP1]] = WeakSet()

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        Tracked.there.add(self)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_nothing_is_left(serve: Serve, kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    # a record holds the frames of its traceback, and pytest keeps the records that reach it
    monkeypatch.setattr(logging.getLogger("stanchion.error"), "propagate", False)
    live = serve(HANDLERS, protocol=Tracked, max_pipelined=10)
    run(live, kind, 1)  # for what is made once
    gc.disable()
    try:
        descriptors = len(os.listdir("/proc/self/fd"))
        run(live, kind, 20)
        until(lambda: len(os.listdir("/proc/self/fd")) <= descriptors)
        live.logged()
        until(lambda: len(Tracked.there) == 0)
    finally:
        gc.enable()
