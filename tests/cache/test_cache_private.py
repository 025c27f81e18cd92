"""Answers for one client each, on a route that has a cache: as many are made at one time as without it."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from stanchion import App, Cache, Request, Response
from stanchion.cache.passing import Passes
from tests.wire.client import get
from tests.wire.live import LOOPS
from tests.wire.serving import Serving

CROWD = 100


class Origin:
    """Counts how many are at work at one time."""

    def __init__(self) -> None:
        self.app = App("private", cache=Cache(ttl=60))
        self.running = self.most = 0
        self.app.get("/no-store")(self._no_store)
        self.app.get("/mine")(self._mine)

    async def _work(self) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0.3)
        self.running -= 1

    async def _no_store(self) -> Response:
        await self._work()
        return Response(b"", headers={"Cache-Control": "no-store"})

    async def _mine(self, request: Request) -> str:
        await self._work()
        return request.headers["authorization"]


@pytest.fixture
def origin() -> Origin:
    return Origin()


@pytest.fixture(params=LOOPS)
def served(request: pytest.FixtureRequest, origin: Origin) -> Iterator[Serving]:
    serving = Serving(request.param, origin.app, admission=False)
    yield serving
    assert serving.stop() == []


@pytest.fixture
def soon_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What had a private answer is asked without waiting for half a second, instead of ten."""
    monkeypatch.setattr(Passes.__init__, "__defaults__", (0.5, 10_000, time.monotonic))


def test_what_was_private_all_along_is_not_waited_for_anew(
    soon_forgotten: None, served: Serving, origin: Origin
) -> None:
    with served.connect() as client:
        for _ in range(3):
            assert client.send(get("/no-store")).answer().status == 200
    clients = [served.connect() for _ in range(CROWD)]
    for client in clients:
        client.send(get("/no-store"))
    assert {client.answer().status for client in clients} == {200}
    assert origin.most > 0.9 * CROWD


@pytest.mark.parametrize("path", ["/no-store", "/mine"])
def test_they_do_not_wait_for_each_other(served: Serving, origin: Origin, path: str) -> None:
    with served.connect() as first:  # by which it is known that these are for one client each
        assert first.send(get(path, "authorization: first")).answer().status == 200
    clients = [served.connect() for _ in range(CROWD)]
    for number, client in enumerate(clients):
        client.send(get(path, f"authorization: {number}"))
    answers = [client.answer() for client in clients]
    assert {answer.status for answer in answers} == {200}
    assert origin.most > 0.9 * CROWD
    if path == "/mine":
        assert [answer.body for answer in answers] == [b"%d" % number for number in range(CROWD)]
