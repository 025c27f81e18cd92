"""Requests sent ahead of their answers, however the bytes are cut, are answered in order."""

import asyncio
from typing import Any

import msgspec
import pytest

from stanchion.http.request import Request
from stanchion.http.response import Response, Stream
from stanchion.routing.route import Endpoint
from tests.wire.client import chunked, get, post
from tests.wire.conftest import Serve
from tests.wire.handlers import echo, hello, path_later, path_of, path_task
from tests.wire.live import ANY, endpoint

PATHS = [b"/%d" % n for n in range(300)]


def bodies(answers: list[Any]) -> list[bytes]:
    return [answer.body for answer in answers]


@pytest.mark.parametrize("handler", [path_of, path_task])
def test_many_in_one_segment(serve: Serve, handler: Any) -> None:
    with serve({ANY: handler}).connect() as client:
        client.send(b"".join(get(path.decode()) for path in PATHS))
        assert bodies(client.answers(300)) == PATHS


@pytest.mark.parametrize("handler", [path_of, path_task])
def test_more_than_one_read_holds(serve: Serve, handler: Any) -> None:
    with serve({ANY: handler}, max_pipelined=3).connect() as client:
        padding = "x: " + "y" * 2000
        client.send(b"".join(get(path.decode(), padding) for path in PATHS))
        assert bodies(client.answers(300)) == PATHS


def test_a_slow_first_keeps_its_place(serve: Serve) -> None:
    with serve({ANY: path_of, "/slow": path_later}).connect() as client:
        client.send(get("/slow") + get("/2") + get("/slow?0.01") + get("/4") + get("/5", "connection: close"))
        assert bodies(client.answers(4)) == [b"/slow", b"/2", b"/slow", b"/4"]
        last = client.last_answer()
        assert (last.body, last.closes) == (b"/5", True)


def test_only_the_last_answer_says_close(serve: Serve) -> None:
    with serve({"/slow": path_later, ANY: path_of}).connect() as client:
        client.send(get("/slow") + get("/2") + get("/3", "connection: close"))
        assert [answer.closes for answer in client.answers(2)] == [False, False]
        assert client.last_answer().closes


def test_mixed_with_bodies(serve: Serve) -> None:
    with serve({ANY: echo, "/hello": hello}).connect() as client:
        client.send(post("/1", b"one") + chunked("/2", b"t", b"wo") + get("/hello") + post("/4", b"") + chunked("/5"))
        said = bodies(client.answers(5))
        assert said.pop(2) == b"hello"
        assert [msgspec.json.decode(body)["body"] for body in said] == ["one", "two", "", ""]


def test_every_way_to_cut_in_two(serve: Serve) -> None:
    message = post("/1?a=b", b"one", "x-empty:") + chunked("/2", b"t", b"wo") + get("/3", "connection: close")
    live = serve({ANY: echo})
    whole = live.connect()
    expected = whole.send(message).rest()
    whole.close()
    clients = [live.connect() for _ in range(1, len(message))]
    for place, client in enumerate(clients, 1):
        client.send(message[:place])
    live.call(lambda: None)
    for place, client in enumerate(clients, 1):
        client.send(message[place:])
    for client in clients:
        with client:
            assert _without_date(client.rest()) == _without_date(expected)


def _without_date(data: bytes) -> list[bytes]:
    return [line for line in data.split(b"\r\n") if not line.startswith(b"date: ")]


def test_a_byte_a_segment(serve: Serve) -> None:
    with serve({ANY: echo}).connect() as client:
        client.dribble(post("/1", b"one") + chunked("/2", b"t", b"wo") + get("/3"))
        assert [msgspec.json.decode(body)["body"] for body in bodies(client.answers(3))] == ["one", "two", ""]


def test_reading_pauses_when_too_much_is_pipelined(serve: Serve) -> None:
    gate = asyncio.Event()
    seen: list[str] = []

    async def gated(request: Request) -> Response:
        seen.append(request.path)
        await gate.wait()
        return Response(request.path.encode())

    live = serve({ANY: gated}, max_pipelined=10)
    with live.connect() as client:
        requests = b"".join(get(f"/{n}", "x: " + "y" * 5000) for n in range(4000))
        taken = client.send_until_blocked(requests, 0.2)
        assert taken < len(requests)
        assert seen == ["/0"]
        live.call(gate.set)
        client.send_until_blocked(requests[taken:], 0.3)
        assert bodies(client.answers(4000)) == [b"/%d" % n for n in range(4000)]


def test_an_upgrade_among_pipelined_requests(serve: Serve) -> None:
    with serve({ANY: path_later}).connect() as client:
        wish = ("connection: upgrade", "upgrade: h2c")
        client.send(b"".join(get(f"/{n}?0", *wish) for n in range(200)) + get("/last?0")[:-2])
        assert bodies(client.answers(200)) == PATHS[:200]
        assert client.send(b"\r\n").answer().body == b"/last"


def test_what_follows_connection_close_is_not_answered(serve: Serve) -> None:
    seen: list[str] = []

    def note(request: Request) -> Response:
        seen.append(request.path)
        return Response(b"noted")

    with serve({ANY: note}).connect() as client:
        client.send(get("/1", "connection: close") + get("/2", "x: " + "y" * 20_000) + get("/3") * 500)
        assert client.last_answer().closes
        assert seen == ["/1"]


def test_a_large_read_after_the_last_request_is_dropped(serve: Serve) -> None:
    with serve({ANY: path_later}, max_requests_per_connection=2).connect() as client:
        client.send(get("/1", "x: " + "y" * 10_000) + get("/2") + get("/3") * 5000)
        assert client.answer().body == b"/1"
        last = client.last_answer()
        assert (last.body, last.closes) == (b"/2", True)


def test_a_stream_to_http_1_0_is_the_last_answer(serve: Serve) -> None:
    async def two() -> Any:
        yield b"one"
        await asyncio.sleep(0.02)
        yield b"two"

    async def stream(request: Request) -> Response:
        await asyncio.sleep(0.02)
        return Stream(two())

    with serve({"/": stream, ANY: path_of}).connect() as client:
        client.send(b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n" * 2)
        answer = client.last_answer()
        assert (answer.body, answer.closes) == (b"onetwo", True)


@pytest.mark.parametrize("size", [3, 70_000])
def test_an_inline_handler_that_takes_a_body_waits_for_it(serve: Serve, size: int) -> None:
    def inline(request: Request) -> Response:
        assert request.stream is not None
        return Response(request.stream.take())

    async def call(request: Request) -> Response:
        await request.body()
        return Response(b"in a task")

    taking = Endpoint(endpoint(call).route, call, inline, (), 1 << 20, takes_body=True)
    live = serve({"/in": taking, "/slow": path_later})
    body = b"x" * size
    with live.connect() as client:
        message = post("/in", body, "expect: 100-continue")
        client.send(message[: -size + 1])
        assert client.answer().status == 100
        assert client.send(message[-size + 1 :]).answer().body == body
        assert client.send(chunked("/in", b"a", b"b")).answer().body == b"ab"
        assert client.send(get("/slow") + post("/in", b"c")).answer().body == b"/slow"
        assert client.answer().body == b"in a task"
