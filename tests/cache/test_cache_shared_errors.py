"""Answers that are kept nowhere, errors above all: those who wait for one get it, and the next one is made anew."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from stanchion import App, Cache, NotFound, Request, Response
from tests.wire.client import Client, get
from tests.wire.live import LOOPS, until
from tests.wire.serving import Serving

CROWD = 50


class Origin:
    """Counts its calls; each waits until it is let go."""

    def __init__(self) -> None:
        self.calls = 0
        self.go_on = asyncio.Event()
        self.app = App("errors")
        handlers: dict[str, Callable[..., Awaitable[Any]]] = {
            "/raised": self._raised,
            "/returned": self._returned,
            "/away": self._away,
            "/moved": self._moved,
            "/cookie": self._cookie,
            "/varied": self._varied,
        }
        for path, handler in handlers.items():
            self.app.get(path, cache=Cache(ttl=60, tags=["tag"]))(handler)
        self.app.post("/change", invalidates=["tag"])(self._change)

    async def _call(self) -> str:
        self.calls += 1
        number = self.calls
        await self.go_on.wait()
        return str(number)

    async def _raised(self) -> None:
        raise NotFound(await self._call())

    async def _returned(self) -> Response:
        return Response(await self._call(), status=404, headers={"X-Why": "gone"})

    async def _away(self) -> Response:
        return Response(await self._call(), status=503)

    async def _moved(self) -> Response:
        return Response(await self._call(), status=302, headers={"Location": "/elsewhere"})

    async def _cookie(self) -> Response:
        return Response(await self._call(), status=404, headers={"Set-Cookie": "id=1"})

    async def _varied(self, request: Request) -> Response:
        plan = request.headers.get("x-plan", "")
        return Response(f"{await self._call()} {plan}", status=404)

    async def _change(self) -> None: ...


@pytest.fixture
def origin() -> Origin:
    return Origin()


@pytest.fixture(params=LOOPS)
def served(request: pytest.FixtureRequest, origin: Origin) -> Iterator[Serving]:
    serving = Serving(request.param, origin.app, admission=False)
    yield serving
    let_go(serving, origin)
    assert serving.stop() == []


def crowd(served: Serving, path: str, count: int = CROWD, *fields: str) -> list[Client]:
    clients = [served.connect() for _ in range(count)]
    for client in clients:
        client.send(get(path, *fields))
    return clients


def waiting(served: Serving, count: int) -> None:
    """Until so many requests are being served, and what each of them does at once is done."""

    def in_flight() -> int:
        counts = served.server.meter.statistics()
        return counts["begun"] - counts["ended"]

    until(lambda: in_flight() >= count)
    served.run(asyncio.sleep(0.02))


def let_go(served: Serving, origin: Origin) -> None:
    served.loop.call_soon_threadsafe(origin.go_on.set)


@pytest.mark.parametrize(("path", "status"), [("/raised", 404), ("/returned", 404), ("/away", 503), ("/moved", 302)])
def test_those_who_wait_get_it_and_it_is_not_kept(served: Serving, origin: Origin, path: str, status: int) -> None:
    clients = crowd(served, path)
    waiting(served, CROWD)
    let_go(served, origin)
    answers = [client.answer() for client in clients]
    assert Counter(answer.status for answer in answers) == {status: CROWD}
    assert origin.calls == 1
    if path == "/returned":
        assert {(answer.body, answer.headers["x-why"]) for answer in answers} == {(b"1", "gone")}
        assert all("max-age" not in answer.headers.get("cache-control", "") for answer in answers)
    if path == "/moved":
        assert {answer.headers["cache-control"] for answer in answers} == {"private, no-store"}
    assert crowd(served, path, 1)[0].answer().status == status
    assert origin.calls == 2


def test_the_next_crowd_shares_one_too(served: Serving, origin: Origin) -> None:
    let_go(served, origin)
    assert crowd(served, "/returned", 1)[0].answer().body == b"1"
    served.loop.call_soon_threadsafe(origin.go_on.clear)
    clients = crowd(served, "/returned")
    waiting(served, CROWD)
    let_go(served, origin)
    assert {client.answer().body for client in clients} == {b"2"}


def test_what_sets_a_cookie_is_for_one_alone(served: Serving, origin: Origin) -> None:
    clients = crowd(served, "/cookie", 5)
    waiting(served, 5)
    let_go(served, origin)
    assert len({client.answer().body for client in clients}) == 5


def test_who_asks_for_another_variant_does_not_get_it(served: Serving, origin: Origin) -> None:
    clients = crowd(served, "/varied", 5, "x-plan: gold") + crowd(served, "/varied", 5, "x-plan: free")
    waiting(served, 10)
    let_go(served, origin)
    plans = [client.answer().body.split()[1] for client in clients]
    assert plans == [b"gold"] * 5 + [b"free"] * 5


def test_who_asks_after_a_change_does_not_get_what_was_missing_before_it(served: Serving, origin: Origin) -> None:
    before = crowd(served, "/returned", 5)
    waiting(served, 5)
    with served.connect() as writer:
        assert writer.send(get("/change", method="POST")).answer().status < 300
    after = crowd(served, "/returned", 5)
    waiting(served, 10)
    let_go(served, origin)
    assert {client.answer().body for client in before[:1]} == {b"1"}
    assert b"1" not in {client.answer().body for client in after}
