"""A thousand who miss at once: one call, and everybody answered, though far fewer are admitted to work at one time."""

import asyncio
from collections import Counter
from collections.abc import Iterator

import pytest

from stanchion import App, Cache, Limit, Response
from tests.wire.client import get
from tests.wire.live import LOOPS
from tests.wire.serving import Serving


class Origin:
    """Counts its calls, and how many run at one time."""

    def __init__(self) -> None:
        self.calls = self.running = self.most = 0
        self.app = App("origin")
        self.app.get("/kept", cache=Cache(ttl=60))(self._kept)
        self.app.get("/packed", cache=Cache(ttl=60), compress=True)(self._kept)
        self.app.get("/limited", cache=Cache(ttl=60), limit=Limit("100000/s"))(self._kept)
        self.app.get("/alone", cache=Cache(ttl=60))(self._alone)
        self.app.get("/broken", cache=Cache(ttl=60))(self._broken)

    async def _work(self, seconds: float = 0.05) -> None:
        self.calls += 1
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(seconds)
        self.running -= 1

    async def _kept(self) -> str:
        await self._work(0.7)  # longer than admission lets anybody wait
        return "kept"

    async def _alone(self) -> Response:
        await self._work()
        return Response(b"alone", headers={"Cache-Control": "no-store"})

    async def _broken(self) -> str:
        await self._work(0.7)
        raise RuntimeError("broken")


@pytest.fixture
def origin() -> Origin:
    return Origin()


@pytest.fixture(params=LOOPS)
def served(request: pytest.FixtureRequest, origin: Origin) -> Iterator[Serving]:
    serving = Serving(request.param, origin.app)
    yield serving
    assert serving.stop() == []


def crowd(served: Serving, path: str, count: int) -> Counter[int]:
    """The statuses that so many clients get who ask at once."""
    clients = [served.connect() for _ in range(count)]
    for client in clients:
        client.send(get(path))
    return Counter(client.answer().status for client in clients)


@pytest.mark.parametrize("path", ["/kept", "/packed", "/limited"])
def test_one_call_answers_them_all(served: Serving, origin: Origin, path: str) -> None:
    assert crowd(served, path, 1000) == {200: 1000}
    assert origin.calls == 1


def test_an_answer_for_one_alone_is_made_for_each_a_few_at_a_time(served: Serving, origin: Origin) -> None:
    statuses = crowd(served, "/alone", 300)
    assert statuses[200] + statuses[503] == 300
    assert statuses[200] == origin.calls >= 32
    assert origin.most <= 150  # the limit begins at 16, and doubles each tenth of a second as long as that does no harm


def test_an_error_is_not_multiplied(served: Serving, origin: Origin) -> None:
    assert crowd(served, "/broken", 300) == {500: 300}
    assert origin.calls <= 3
