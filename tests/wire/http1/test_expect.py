"""Expect: 100-continue (RFC 9110 §10.1.1): the body is asked for when the handler wants it, and not before."""

import asyncio

import pytest

from stanchion.http.request import Request
from stanchion.http.response import Response
from tests.wire.client import get, post
from tests.wire.conftest import Serve
from tests.wire.handlers import echo, hello, swallow
from tests.wire.live import endpoint

HEAD = get("/", "content-length: 5", "expect: 100-continue", method="POST")


@pytest.mark.parametrize("handler", [echo, swallow])
def test_100_comes_before_the_body_and_once(serve: Serve, handler: object) -> None:
    with serve({"/": handler}).connect() as client:
        for _ in range(2):
            interim = client.send(HEAD).answer()
            assert (interim.status, interim.headers) == (100, {})
            client.dribble(b"hello", 0.002)
            assert client.answer().status == 200


def test_100_waits_until_the_body_is_wanted(serve: Serve) -> None:
    wanted = asyncio.Event()

    async def patient(request: Request) -> Response:
        await wanted.wait()
        return Response(await request.body())

    live = serve({"/": patient}, body_grace=0.02, body_min_rate=100)
    with live.connect() as client:
        assert client.send(HEAD).silent(0.15)  # nor is it found too slow meanwhile
        live.call(wanted.set)
        assert client.answer().status == 100
        assert client.send(b"hello").answer().body == b"hello"


def test_a_body_that_comes_unasked_needs_no_100(serve: Serve) -> None:
    with serve({"/": echo}).connect() as client:
        client.send(HEAD + b"hello" + get())
        assert [answer.status for answer in client.answers(2)] == [200, 200]


def test_a_final_answer_instead_of_100_closes(serve: Serve) -> None:
    live = serve({"/": hello})
    with live.connect() as client:
        answer = client.send(HEAD).last_answer()
        assert (answer.status, answer.closes) == (200, True)
    with live.connect() as client:
        answer = client.send(HEAD.replace(b" / ", b" /none ")).last_answer()
        assert (answer.status, answer.closes) == (404, True)


def test_a_body_too_large_is_refused_instead_of_asked_for(serve: Serve) -> None:
    with serve({"/": endpoint(echo, max_body=4)}).connect() as client:
        assert client.send(HEAD).last_answer().status == 413


@pytest.mark.parametrize("expectation", ["200-ok", "100-continue, x", "", "100-continued"])
def test_another_expectation_fails(serve: Serve, expectation: str) -> None:
    with serve({"/": echo}).connect() as client:
        answer = client.send(post("/", b"hello", f"expect: {expectation}")).last_answer()
        assert (answer.status, answer.closes) == (417, True)


def test_the_expectation_is_case_insensitive_and_may_be_padded(serve: Serve) -> None:
    with serve({"/": echo}).connect() as client:
        assert client.send(HEAD.replace(b"100-continue", b"\t100-Continue \t")).answer().status == 100
        assert client.send(b"hello").answer().status == 200


def test_http_1_0_cannot_expect(serve: Serve) -> None:
    with serve({"/": echo}).connect() as client:
        client.send(b"POST / HTTP/1.0\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n")
        assert client.silent(0.05)
        assert client.send(b"hello").last_answer().status == 200


def test_a_request_behind_another_is_asked_for_its_body_in_its_turn(serve: Serve) -> None:
    async def slow(request: Request) -> Response:
        await asyncio.sleep(0.05)
        return Response(b"slow")

    with serve({"/": echo, "/slow": slow}).connect() as client:
        client.send(get("/slow") + HEAD)
        assert client.answer().body == b"slow"
        assert client.answer().status == 100
        assert client.send(b"hello").answer().status == 200


def test_a_body_without_bytes_needs_no_100(serve: Serve) -> None:
    with serve({"/": echo}).connect() as client:
        assert client.send(post("/", b"", "expect: 100-continue")).answer().status == 200
