"""Admission through the real wire layer: who starts, who waits, who is turned away, and what a client gets then."""

import asyncio
import time
from collections.abc import Callable, Iterator

import pytest

from stanchion import App, Request, Stream
from stanchion.board import Counter
from tests.wire.client import Client, get, post
from tests.wire.live import LOOPS, until
from tests.wire.serving import Serving

Serve = Callable[..., Serving]


@pytest.fixture(params=LOOPS)
def serve(request: pytest.FixtureRequest) -> Iterator[Serve]:
    started: list[Serving] = []

    def start(app: App, **settings: object) -> Serving:
        started.append(Serving(request.param, app, **settings))
        return started[-1]

    yield start
    for served in started:
        assert served.stop() == []


class Gated:
    """An app whose handler waits for a gate."""

    def __init__(self) -> None:
        self.app = App("gated")
        self.gate = asyncio.Event()
        self.order: list[str] = []
        for level in ("critical", "normal", "background"):
            self.app.post(f"/{level}/{{name}}", priority=level)(self._wait)
            self.app.get(f"/{level}/{{name}}", priority=level)(self._wait)

    async def _wait(self, name: str) -> str:
        self.order.append(name)
        await self.gate.wait()
        return name


def statistics(served: Serving) -> dict[str, int]:
    admission = served.server.admission
    assert admission is not None
    return admission.statistics()


def answered(client: Client) -> int:
    return client.answer().status


def test_what_is_over_the_limit_waits_and_the_higher_priority_goes_first(serve: Serve) -> None:
    gated = Gated()
    served = serve(gated.app, max_in_flight=1, max_queue_wait=20)
    clients = []
    for path in ("/normal/a", "/background/b", "/normal/c", "/critical/d"):
        clients.append(served.connect().send(get(path)))
        until(lambda: sum(statistics(served).values()) == len(clients) + 1)
    assert statistics(served) == {"in_flight": 1, "limit": 1, "queued": 3}
    served.loop.call_soon_threadsafe(gated.gate.set)
    assert [answered(client) for client in clients] == [200] * 4
    assert gated.order == ["a", "d", "c", "b"]
    until(lambda: statistics(served)["in_flight"] == 0)


def test_who_has_waited_too_long_is_turned_away_before_its_body_is_read(serve: Serve) -> None:
    gated = Gated()
    served = serve(gated.app, max_in_flight=1, max_queue_wait=0.1)
    first = served.connect().send(get("/normal/a"))
    until(lambda: statistics(served)["in_flight"] == 1)
    head = post("/normal/b", b"x" * 50_000)[:-50_000]
    answer = served.connect().send(head).answer()
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.headers["content-type"] == "application/problem+json"
    assert b'"code":"overloaded"' in answer.body
    assert gated.order == ["a"]
    head_only = served.connect().send(get("/normal/b", method="HEAD"))
    assert head_only.answer("HEAD").status == 503
    served.loop.call_soon_threadsafe(gated.gate.set)
    assert answered(first) == 200


def test_a_connection_goes_on_after_a_refusal(serve: Serve) -> None:
    gated = Gated()
    served = serve(gated.app, max_in_flight=1, max_queue_wait=0.05)
    first = served.connect().send(get("/normal/a"))
    until(lambda: statistics(served)["in_flight"] == 1)
    second = served.connect().send(get("/normal/b") + get("/normal/c"))
    assert [answered(second), answered(second)] == [503, 503]
    served.loop.call_soon_threadsafe(gated.gate.set)
    assert answered(first) == 200
    assert answered(second.send(get("/normal/d"))) == 200


def test_a_client_that_leaves_the_queue_is_neither_served_nor_counted(serve: Serve) -> None:
    gated = Gated()
    served = serve(gated.app, max_in_flight=1, max_queue_wait=20)
    first = served.connect().send(get("/normal/a"))
    until(lambda: statistics(served)["in_flight"] == 1)
    with served.connect() as second:
        second.send(get("/normal/b"))
        until(lambda: statistics(served)["queued"] == 1)
    until(lambda: len(served.server.connections) == 1)
    served.loop.call_soon_threadsafe(gated.gate.set)
    assert answered(first) == 200
    until(lambda: statistics(served) == {"in_flight": 0, "limit": 1, "queued": 0})
    assert gated.order == ["a"]


def test_a_stream_counts_until_its_head(serve: Serve) -> None:
    app = App("streams")
    end = asyncio.Event()

    @app.get("/")
    async def stream() -> Stream:
        async def chunks():
            yield b"begun"
            await end.wait()

        return Stream(chunks())

    served = serve(app, max_in_flight=1, max_queue_wait=20)
    clients = [served.connect().send(get("/")) for _ in range(3)]
    until(lambda: len(served.server.connections) == 3 and sum(c.head_sent for c in served.server.connections) == 3)
    until(lambda: statistics(served)["in_flight"] == 0)
    served.loop.call_soon_threadsafe(end.set)
    assert [client.answer().body for client in clients] == [b"begun"] * 3


def test_a_handler_that_holds_the_loop_has_to_queue_and_a_quick_one_does_not(serve: Serve) -> None:
    app = App("busy")
    busy = [0.002]
    arrived: list[float] = []

    @app.get("/work")
    async def work() -> str:
        end = time.perf_counter() + busy[0]
        while time.perf_counter() < end:
            pass
        return "done"

    @app.get("/quick")
    async def quick() -> str:
        arrived.append(time.perf_counter())
        return "quick"

    served = serve(app, max_queue_wait=0.2)
    (endpoint, _), (other, _) = served.compiled.find("GET", "/work"), served.compiled.find("GET", "/quick")
    with served.connect() as client:
        for _ in range(10):
            assert answered(client.send(get("/work"))) == 200
        assert endpoint.inline is None
        assert endpoint.heavy is not None
        busy[0] = 0.01
        clients = [served.connect() for _ in range(100)]
        until(lambda: len(served.server.connections) == 101)  # uvloop accepts one a turn
        served.loop.call_soon_threadsafe(time.sleep, 0.3)  # all of them are there when it looks
        for one in clients:
            one.send(get("/work"))
        assert answered(client.send(get("/quick"))) == 200
        statuses = [answered(one) for one in clients]
        assert set(statuses) == {200, 503}
        for one in clients:
            one.close()
        busy[0] = 0.0
        for _ in range(100):
            assert answered(client.send(get("/work"))) == 200
        until(lambda: endpoint.inline is not None)
    assert other.inline is not None


def test_tasks_that_hold_the_loop_bring_the_limit_down_before_they_are_many(serve: Serve) -> None:
    app = App("tasks")
    counts = {"now": 0, "most": 0}

    @app.get("/")
    async def task() -> str:
        counts["now"] += 1
        counts["most"] = max(counts["most"], counts["now"])
        await asyncio.sleep(0)
        end = time.perf_counter() + 0.004
        while time.perf_counter() < end:
            pass
        counts["now"] -= 1
        return "done"

    served = serve(app, max_queue_wait=0.1)
    clients = [served.connect() for _ in range(300)]
    until(lambda: len(served.server.connections) == 300)
    served.loop.call_soon_threadsafe(time.sleep, 0.3)  # all of them are there when it looks
    for client in clients:
        client.send(get("/"))
    statuses = [answered(client) for client in clients]
    assert set(statuses) == {200, 503}
    assert counts["most"] <= 64
    assert statistics(served)["limit"] <= 32


def test_a_crowd_that_only_waits_is_let_in_without_a_refusal(serve: Serve) -> None:
    app = App("waiting")

    @app.get("/")
    async def task() -> str:
        await asyncio.sleep(0.05)
        return "done"

    served = serve(app, max_queue_wait=5)
    clients = [served.connect() for _ in range(300)]
    until(lambda: len(served.server.connections) == 300)
    for _ in range(3):
        for client in clients:
            client.send(get("/"))
        assert [answered(client) for client in clients] == [200] * 300
    assert statistics(served)["limit"] >= 64


def test_without_admission_everybody_is_served(serve: Serve) -> None:
    gated = Gated()
    served = serve(gated.app, admission=False, max_in_flight=1)
    assert served.server.admission is None
    clients = [served.connect().send(get("/normal/a")) for _ in range(5)]
    until(lambda: len(gated.order) == 5)
    served.loop.call_soon_threadsafe(gated.gate.set)
    assert [answered(client) for client in clients] == [200] * 5


def test_refusals_are_counted_by_priority_and_reason(serve: Serve) -> None:
    gated = Gated()
    served = serve(gated.app, max_in_flight=1, max_queue_wait=0.5, max_queued=2)
    first = served.connect().send(get("/normal/a"))
    until(lambda: statistics(served)["in_flight"] == 1)
    waiting = []
    for path in ("/background/b", "/background/c", "/critical/d"):
        waiting.append(served.connect().send(get(path)))
        until(lambda: served.server.cells[Counter.QUEUED] == len(waiting))
    assert [answered(client) for client in waiting] == [503] * 3
    counted = (Counter.SHED_BACKGROUND_CROWDED, Counter.SHED_BACKGROUND_WAITED, Counter.SHED_CRITICAL_WAITED)
    until(lambda: [served.server.cells[counter] for counter in counted] == [1, 1, 1])  # each just after its answer
    served.loop.call_soon_threadsafe(gated.gate.set)
    assert answered(first) == 200


def test_one_whose_deadline_passes_in_the_queue_is_turned_away(serve: Serve) -> None:
    app = App("deadlines")
    gate = asyncio.Event()

    @app.get("/slow")
    async def slow(request: Request) -> str:
        await gate.wait()
        return "slow"

    app.get("/soon", timeout=0.05)(slow)
    served = serve(app, max_in_flight=1, max_queue_wait=20)
    first = served.connect().send(get("/slow"))
    until(lambda: statistics(served)["in_flight"] == 1)
    started = time.monotonic()
    assert answered(served.connect().send(get("/soon"))) == 503
    assert time.monotonic() - started < 5
    served.loop.call_soon_threadsafe(gate.set)
    assert answered(first) == 200
