"""A stale answer is kept at hand like a fresh one, for as long as its successor is being made and no longer."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from stanchion import App, Cache
from tests.wire.client import Client, get
from tests.wire.live import LOOPS
from tests.wire.serving import Serving


class Origin:
    """Its first call answers at once, each other when it is let; or fails."""

    def __init__(self) -> None:
        self.calls = 0
        self.failing = False
        self.let = asyncio.Event()

    async def answer(self) -> str:
        self.calls += 1
        if self.calls > 1:
            await self.let.wait()
            self.let.clear()
        if self.failing:
            raise RuntimeError("the origin fails")
        return str(self.calls)


@pytest.fixture
def origin() -> Origin:
    return Origin()


@pytest.fixture(params=LOOPS)
def served(request: pytest.FixtureRequest, origin: Origin) -> Iterator[Serving]:
    app = App("stale")

    @app.get("/number", cache=Cache(ttl=0.1, stale=0.8))
    async def number() -> str:
        return await origin.answer()

    serving = Serving(request.param, app)
    yield serving
    serving.stop()


@pytest.fixture
def client(served: Serving) -> Iterator[Client]:
    with served.connect() as client:
        yield client


def asked(client: Client) -> tuple[bytes, str]:
    answer = client.send(get("/number")).answer()
    assert answer.status == 200
    return answer.body, answer.headers["cache-status"]


def test_many_get_the_stale_answer_and_then_the_new_one(served: Serving, client: Client, origin: Origin) -> None:
    assert asked(client)[0] == b"1"
    time.sleep(0.15)
    assert {asked(client) for _ in range(50)} == {(b"1", "stanchion; hit; ttl=-1")}
    assert "ttl=-1" in repr(served.server.shelf["/number"])
    assert origin.calls == 2
    served.loop.call_soon_threadsafe(origin.let.set)
    found, end = asked(client), time.monotonic() + 5
    while found[0] == b"1" and time.monotonic() < end:
        found = asked(client)
    assert found == (b"2", "stanchion; hit")
    assert origin.calls == 2


def test_it_ends_with_the_time_that_was_declared(served: Serving, client: Client, origin: Origin) -> None:
    asked(client)
    time.sleep(0.15)
    assert asked(client)[0] == b"1"
    time.sleep(0.9)
    client.send(get("/number"))
    served.loop.call_soon_threadsafe(origin.let.set)
    assert client.answer().body == b"2", "it waits for the call that is under way"


def test_one_whose_refresh_has_failed_is_made_again(served: Serving, client: Client, origin: Origin) -> None:
    asked(client)
    time.sleep(0.15)
    origin.failing = True
    asked(client)
    served.loop.call_soon_threadsafe(origin.let.set)
    assert {asked(client)[0] for _ in range(20)} == {b"1"}
    assert origin.calls == 2, "no second try within a second"
