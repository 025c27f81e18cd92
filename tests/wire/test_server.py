"""What the connections of a worker share."""

import time

from tests.wire.client import get, post
from tests.wire.conftest import Serve
from tests.wire.handlers import Asleep, hello
from tests.wire.live import until


def test_statistics_say_what_connections_wait_for(serve: Serve) -> None:
    live = serve({"/": hello, "/asleep": Asleep().handler()})
    with live.connect() as idle, live.connect() as head, live.connect() as handled, live.connect() as refused:
        idle.send(get()).answer()
        head.send(get()[:-2])
        handled.send(get("/asleep"))
        refused.send(b"nonsense\r\n\r\n").answer()
        phases = {"idle": 1, "head": 1, "handle": 1, "write": 0, "linger": 1, "open": 0}
        expected = {"connections": 4, "refused": 0, **phases}
        until(lambda: live.call(live.server.statistics) == expected)
        assert live.call(lambda: repr(live.server)) == "<Server 4 connections>"


def test_the_sweep_survives_a_connection_it_cannot_handle(serve: Serve) -> None:
    live = serve({"/": hello}, keep_alive_timeout=0.2)

    class Odd:
        @property
        def phase(self) -> int:
            raise RuntimeError("odd")

    odd = Odd()
    live.call(lambda: live.server.connections.add(odd))  # type: ignore[arg-type]
    time.sleep(0.12)
    live.call(lambda: live.server.connections.discard(odd))  # type: ignore[arg-type]
    assert {record.name for record in live.logged()} == {"asyncio"}
    with live.connect() as client:
        assert client.send(get()).answer().status == 200
        assert client.rest() == b""


def test_a_body_counts_as_handling(serve: Serve) -> None:
    live = serve({"/asleep": Asleep().handler()})
    with live.connect() as client:
        client.send(post("/asleep", b"hello")[:-1])
        until(lambda: live.call(live.server.statistics)["handle"] == 1)
        assert live.connections() == 1
