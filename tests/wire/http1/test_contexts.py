"""A request begins in no other's context, whoever's end lets it begin: an app may keep there who the client is."""

import asyncio
from collections.abc import Callable, Iterator
from contextvars import ContextVar

import pytest

from stanchion import App, Request, deadline
from tests.wire.client import get, post
from tests.wire.live import LOOPS, until
from tests.wire.serving import Serving

Serve = Callable[..., Serving]
USER: ContextVar[str] = ContextVar("user", default="nobody")
LARGE = 1024 * 1024


@pytest.fixture(params=LOOPS)
def serve(request: pytest.FixtureRequest) -> Iterator[Serve]:
    started: list[Serving] = []

    def start(**settings: object) -> Serving:
        started.append(Serving(request.param, app_of(), **settings))
        return started[-1]

    yield start
    for served in started:
        assert served.stop() == []


def app_of() -> App:
    app = App("contexts")

    @app.get("/sign-in/{name}", timeout=20)
    async def sign_in(name: str) -> str:
        USER.set(name)
        await asyncio.sleep(0.05)
        return USER.get()

    @app.post("/upload/{name}", timeout=20)
    async def upload(name: str, request: Request) -> str:
        USER.set(name)
        await asyncio.sleep(0.05)  # until the connection is told to send no more for now
        async for _ in request.chunks():
            await asyncio.sleep(0)
        return USER.get()

    @app.get("/awaiting")
    async def awaiting() -> str:
        await asyncio.sleep(0)
        return f"{USER.get()} {deadline.remaining()}"

    @app.get("/at-once")
    async def at_once() -> str:
        return f"{USER.get()} {deadline.remaining()}"

    return app


@pytest.mark.parametrize("path", ["/awaiting", "/at-once"])
def test_pipelined_behind_another(serve: Serve, path: str) -> None:
    client = serve().connect()
    client.send(get("/sign-in/Ada") + get(path) + get(path))
    assert [client.answer().body for _ in range(3)] == [b"Ada", b"nobody None", b"nobody None"]


@pytest.mark.parametrize("path", ["/awaiting", "/at-once"])
def test_after_a_body_that_was_paused(serve: Serve, path: str) -> None:
    client = serve(body_buffer=65_536).connect()
    client.send(post("/upload/Ada", bytes(LARGE)))
    assert client.answer().body == b"Ada"
    client.send(get(path))
    assert client.answer().body == b"nobody None"


def test_let_in_by_the_end_of_another_clients(serve: Serve) -> None:
    served = serve(max_in_flight=1, max_queue_wait=20)
    first, second = served.connect(), served.connect()
    first.send(get("/sign-in/Ada"))
    admission = served.server.admission
    assert admission is not None
    until(lambda: admission.statistics()["in_flight"] == 1)
    second.send(get("/awaiting"))
    until(lambda: admission.statistics()["queued"] == 1)
    assert first.answer().body == b"Ada"
    assert second.answer().body == b"nobody None"
