"""Bulkheads: how many at once, who waits, and that no place is ever lost."""

import asyncio
import random

import pytest

from stanchion import App
from stanchion.errors import RouteError
from stanchion.policies.concurrency import Bulkhead, Concurrency
from stanchion.router import Router
from tests.wire.client import get
from tests.wire.live import until
from tests.wire.serving import Serving


def test_a_router_s_routes_share_their_places_and_others_do_not_care() -> None:
    app = App("bulkheads")
    gate = asyncio.Event()
    group = Router("/group", policies=[Concurrency(limit=2, max_wait=0.05)])
    inside: list[str] = []

    async def slow() -> None:
        inside.append("in")
        await gate.wait()

    group.get("/a")(slow)
    group.get("/b")(slow)
    app.get("/free")(slow)
    app.include(group)
    served = Serving("uvloop", app)
    clients = [served.connect().send(get(path)) for path in ("/group/a", "/group/b")]
    until(lambda: len(inside) == 2)
    answer = served.connect().send(get("/group/a")).answer()
    assert answer.status == 503
    assert b'"code":"bulkhead-full"' in answer.body
    clients.append(served.connect().send(get("/free")))
    until(lambda: len(inside) == 3)
    served.loop.call_soon_threadsafe(gate.set)
    assert [client.answer().status for client in clients] == [204] * 3
    assert app.decisions.bulkhead_refused == 1
    assert served.stop() == []


@pytest.mark.parametrize("number", [0, -1])
def test_a_limit_of_nothing_is_refused(number: int) -> None:
    with pytest.raises(RouteError, match="Concurrency"):
        App("none", concurrency=number)


def test_no_place_is_lost_whoever_gives_up() -> None:
    async def visitor(bulkhead: Bulkhead, chance: random.Random, most: list[int]) -> None:
        try:
            async with asyncio.timeout(chance.random() / 50):
                if await bulkhead.enter(chance.random() / 100):
                    try:
                        most.append(bulkhead.taken)
                        await asyncio.sleep(chance.random() / 100)
                    finally:
                        bulkhead.leave()
        except TimeoutError:
            pass

    async def main() -> None:
        bulkhead, chance, most = Bulkhead(5, 20), random.Random(7), []
        async with asyncio.TaskGroup() as group:
            for _ in range(2000):
                group.create_task(visitor(bulkhead, chance, most))
                if chance.random() < 0.2:
                    await asyncio.sleep(0.001)
        assert max(most) <= 5
        assert bulkhead.statistics() == {"limit": 5, "taken": 0, "waiting": 0}

    asyncio.run(main())
