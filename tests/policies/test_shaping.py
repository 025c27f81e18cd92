"""Shaping under load: a gust that meets `on_exceed="queue"` reaches the handler evenly, and what would wait too long is
told at once."""

import time
from itertools import pairwise
from statistics import median

import pytest

from stanchion import App, Limit
from tests.wire.client import get
from tests.wire.live import LOOPS, until
from tests.wire.serving import Serving

INTERVAL = 0.1
"""Of 10 a second."""


def shaped(limit: Limit) -> tuple[App, list[float]]:
    app = App("shaped")
    begun: list[float] = []

    @app.get("/", limit=limit)
    async def home() -> str:
        begun.append(time.monotonic())
        return "home"

    return app, begun


@pytest.mark.parametrize("loop", LOOPS)
def test_a_gust_is_spaced_out_evenly_and_the_rest_is_told_at_once(loop: str) -> None:
    app, begun = shaped(Limit("10/s", by="route", burst=1, on_exceed="queue", max_wait=1.55))
    served = Serving(loop, app)
    clients = [served.connect() for _ in range(60)]
    until(lambda: len(served.server.connections) == 60)
    sent = time.monotonic()
    for client in clients:
        client.send(get("/"))
    statuses = [client.answer().status for client in clients]
    ended = time.monotonic()
    assert served.stop() == []
    waited = 16  # at 0, 0.1, … 1.5 s; a turn more for each 0.1 s that the gust took to arrive
    assert waited <= statuses.count(200) <= waited + (ended - sent) / INTERVAL
    assert statuses.count(200) + statuses.count(429) == 60
    gaps = [after - before for before, after in pairwise(begun)]
    assert median(gaps) == pytest.approx(INTERVAL, abs=0.04)
    # a turn is never early, give or take the loop's timer: the first is not before the first request
    assert all(at - sent >= turn * INTERVAL - 0.004 for turn, at in enumerate(begun))


def test_refusals_do_not_wait_behind_those_that_do() -> None:
    app, begun = shaped(Limit("1/2s", by="route", burst=1, on_exceed="queue", max_wait=30.0, max_waiting=5))
    served = Serving("uvloop", app)
    waiting = [served.connect().send(get("/")) for _ in range(6)]
    until(lambda: len(begun) == 1)
    until(lambda: statistics(served) == 5)
    refused = [served.connect().send(get("/")) for _ in range(20)]
    answers = [client.answer() for client in refused]
    assert {answer.status for answer in answers} == {429}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers)
    assert len(begun) <= 2  # so all of them came within a turn
    for client in waiting:
        client.close()
    until(lambda: statistics(served) == 0)
    assert served.stop() == []


def statistics(served: Serving) -> int:
    """Requests in flight: those that wait for their turn."""
    admission = served.server.admission
    assert admission is not None
    return admission.statistics()["in_flight"]
