"""One deadline a request: readable, inherited, shortened by a trusted caller; nothing is left behind by its passing."""

import asyncio
import gc
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion import App, Request, Timeout, deadline
from stanchion.policies.timeout import callers_timeout
from stanchion.testing import Client
from tests.wire.client import get
from tests.wire.live import LOOPS, until
from tests.wire.serving import Serving


def test_without_one_there_is_none() -> None:
    assert deadline.remaining() is None
    assert deadline.until() is None


def test_it_is_inherited_by_tasks_and_threads() -> None:
    app = App("inherited", timeout=5)

    @app.get("/task")
    async def task() -> list[float]:
        async def inner() -> float | None:
            return deadline.remaining()

        return [await asyncio.create_task(inner()), await asyncio.to_thread(deadline.remaining)]

    @app.get("/thread")
    def thread() -> list[float]:
        return [deadline.remaining() or 0.0]

    with Client(app) as client:
        left = client.get("/task").json() + client.get("/thread").json()
        assert all(4 < seconds <= 5 for seconds in left)


def test_an_inner_one_never_lengthens_it() -> None:
    async def main() -> None:
        now = time.monotonic()
        deadline.shorten(now + 1)
        deadline.shorten(now + 10)
        assert deadline.until() == now + 1

    asyncio.run(main())
    assert deadline.until() is None


def test_a_trusted_caller_may_shorten_it() -> None:
    app = App("callers")

    @app.get("/trusted", policies=[Timeout(seconds=5, from_caller=True)])
    @app.get("/alone", timeout=5)
    async def left() -> float | None:
        return deadline.remaining()

    with Client(app) as client:
        for fields in ({"x-request-timeout": "0.5"}, {"grpc-timeout": "500m"}):
            assert client.get("/trusted", headers=fields).json() <= 0.5
            assert client.get("/alone", headers=fields).json() > 4
        assert client.get("/trusted", headers={"x-request-timeout": "60"}).json() > 4


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({}, float("inf")),
        ({b"x-request-timeout": b"1.5"}, 1.5),
        ({b"x-request-timeout": b"-1"}, float("inf")),
        ({b"x-request-timeout": b"nan"}, float("inf")),
        ({b"x-request-timeout": b"soon"}, float("inf")),
        ({b"grpc-timeout": b"2S"}, 2.0),
        ({b"grpc-timeout": b"1H"}, 3600.0),
        ({b"grpc-timeout": b"100u"}, 1e-4),
        ({b"grpc-timeout": b"123456789S"}, float("inf")),
        ({b"grpc-timeout": b"S"}, float("inf")),
    ],
)
def test_what_a_caller_may_say(fields: dict[bytes, bytes], seconds: float) -> None:
    assert callers_timeout(fields) == pytest.approx(seconds)


@given(st.binary(max_size=40), st.sampled_from([b"x-request-timeout", b"grpc-timeout"]))
def test_nothing_a_caller_says_raises(value: bytes, name: bytes) -> None:
    assert callers_timeout({name: value}) >= 0


@pytest.mark.parametrize("loop", LOOPS)
def test_a_thousand_that_pass_leave_nothing(loop: str) -> None:
    app = App("leaks", timeout=0.02)
    ended: list[bool] = []

    @app.get("/")
    async def slow(request: Request) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    gc.collect()
    before = requests()
    served = Serving(loop, app)
    for _ in range(100):
        clients = [served.connect().send(get("/")) for _ in range(10)]
        assert [client.answer().status for client in clients] == [504] * 10
        for client in clients:
            client.close()
    until(lambda: not served.server.connections)
    admission = served.server.admission
    assert admission is not None
    assert (len(ended), admission.statistics()["in_flight"], admission.queued) == (1000, 0, 0)
    gc.collect()
    assert requests() <= before
    assert served.stop() == []


def requests() -> int:
    """How many there are in this process, whoever holds them."""
    return sum(type(one) is Request for one in gc.get_objects())
