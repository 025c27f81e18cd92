"""Who keeps the server waiting is cut off; who is merely slow is not."""

import asyncio
import time

import pytest

from stanchion.http.request import Request
from stanchion.http.response import Response
from tests.wire.client import chunked, get, post
from tests.wire.conftest import Serve
from tests.wire.handlers import Asleep, echo, hello, path_later, path_of, swallow
from tests.wire.live import ANY, until


def test_an_idle_connection_is_closed(serve: Serve) -> None:
    live = serve({"/": hello}, keep_alive_timeout=0.1)
    with live.connect() as fresh, live.connect() as used:
        assert used.send(get()).answer().status == 200
        assert fresh.rest() == used.rest() == b""
        until(lambda: live.connections() == 0)


def test_a_busy_connection_is_not_idle(serve: Serve) -> None:
    with serve({"/": path_later}, keep_alive_timeout=0.4).connect() as client:
        for _ in range(2):
            assert client.send(get("/?0.9")).answer().status == 200


@pytest.mark.parametrize("piece", [b"G", b"\r\n"])
def test_what_is_no_request_yet_does_not_keep_a_connection(serve: Serve, piece: bytes) -> None:
    with serve({"/": hello}, keep_alive_timeout=0.1).connect() as client:
        assert client.send(piece).cut()


@pytest.mark.parametrize("head", [b"GET /", b"GET / HTTP/1.1\r\n", get()[:-2], get("/", "x: " + "y" * 20_000)[:-3]])
def test_a_late_head_is_refused(serve: Serve, head: bytes) -> None:
    with serve({"/": hello}, header_timeout=0.1).connect() as client:
        start = time.monotonic()
        answer = client.send(head).last_answer()
        assert (answer.status, answer.closes) == (408, True)
        assert time.monotonic() - start < 4


def test_a_head_that_trickles_is_late_all_the_same(serve: Serve) -> None:
    with serve({"/": hello}, header_timeout=0.1).connect() as client:
        client.dribble(get("/", "x: " + "y" * 50)[:30], 0.01)
        assert client.last_answer().status == 408


def test_a_head_behind_a_slow_request_is_not_late_before_its_turn(serve: Serve) -> None:
    with serve({"/": path_later}, header_timeout=0.4).connect() as client:
        client.send(get("/?0.9") + get()[:-2])
        assert client.answer().status == 200
        assert client.send(b"\r\n").answer().status == 200


def test_a_body_that_trickles_is_refused(serve: Serve) -> None:
    live = serve({"/": echo}, body_grace=0.1, body_min_rate=1000)
    for message in (get("/", "content-length: 50", method="POST"), chunked("/", b"a", end=b"")):
        with live.connect() as client:
            answer = client.send(message).last_answer()
            assert (answer.status, answer.closes) == (408, True)
    assert live.tasks() == []


def test_a_body_at_the_declared_rate_is_taken(serve: Serve) -> None:
    with serve({"/": swallow}, body_grace=0.4, body_min_rate=50).connect() as client:
        client.send(get("/", "content-length: 1000", method="POST"))
        for _ in range(100):
            client.send(bytes(10))
            time.sleep(0.01)
        assert client.answer().body == b"1000"


def test_a_body_that_waits_for_its_handler_is_not_slow(serve: Serve) -> None:
    woken = asyncio.Event()

    async def late(request: Request) -> Response:
        await woken.wait()
        return await swallow(request)

    live = serve({"/": late}, body_grace=0.3, body_min_rate=10_000, body_buffer=1024)
    with live.connect() as client:
        client.send(post("/", bytes(900_000))[:500_000])
        assert client.silent(0.9)
        live.call(woken.set)
        assert client.send(post("/", bytes(900_000))[500_000:]).answer().body == b"900000"


def test_a_slow_body_behind_a_slow_request_does_not_cost_that_its_answer(serve: Serve) -> None:
    with serve({"/": path_later, "/echo": echo}, body_grace=0.05, body_min_rate=1000).connect() as client:
        client.send(get("/?0.25") + get("/echo", "content-length: 50", method="POST"))
        assert client.answer().status == 200
        answer = client.last_answer()
        assert (answer.status, answer.closes) == (408, True)


def test_after_an_early_answer_the_rest_of_the_body_is_nobodys_business(serve: Serve) -> None:
    live = serve({"/": hello}, body_grace=0.05, body_min_rate=1000, keep_alive_timeout=0.1)
    with live.connect() as client, live.connect() as other:
        client.send(get("/", "content-length: 50", method="POST"))
        assert client.answer().status == 200
        assert client.rest() == b""
        time.sleep(0.2)  # the sweep that finds it too slow must live
        assert other.cut()


def test_a_lingering_connection_is_cut(serve: Serve) -> None:
    live = serve({ANY: path_of}, keep_alive_timeout=0.1)
    with live.connect() as client:
        assert client.send(b"nonsense\r\n\r\n").answer().status == 400
        assert client.rest() == b""
        time.sleep(0.1)
        assert live.connections() == 1  # our side is open
        live.call(lambda: [setattr(each, "since", each.since - 2) for each in live.server.connections])
        until(lambda: live.connections() == 0)


def test_a_handler_is_not_bounded_by_the_connections_timeouts(serve: Serve) -> None:
    asleep = Asleep()
    timeouts = dict.fromkeys(("keep_alive_timeout", "header_timeout", "body_grace", "write_timeout"), 0.02)
    with serve({"/": asleep.handler()}, **timeouts).connect() as client:
        assert client.send(get()).silent(0.2)
        assert (asleep.started, asleep.cancelled) == (1, 0)
