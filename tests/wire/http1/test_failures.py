"""Whatever a handler raises, the client gets a problem document and the operator one record."""

import asyncio
import logging
from typing import Any

import msgspec
import pytest

from stanchion.errors import Conflict, HTTPError
from stanchion.http.request import Request
from stanchion.http.response import Response
from tests.wire.client import get, post
from tests.wire.conftest import Serve
from tests.wire.handlers import echo, hello


def boom(request: Request) -> Response:
    raise RuntimeError("secret-of-the-exception")


async def boom_task(request: Request) -> Response:
    raise RuntimeError("secret-of-the-exception")


@pytest.mark.parametrize("handler", [boom, boom_task])
def test_an_unexpected_exception(serve: Serve, handler: Any) -> None:
    live = serve({"/": handler, "/next": hello})
    with live.connect() as client:
        answer = client.send(get("/?token=secret") + get("/next")).answer()
        assert client.answer().body == b"hello"  # the connection is none the worse
    document = msgspec.json.decode(answer.body)
    assert (answer.status, document["status"], document["code"]) == (500, 500, "internal-error")
    assert document["request_id"] == answer.headers["x-request-id"]
    assert b"secret" not in answer.body
    (record,) = live.logged()
    assert (record.name, record.levelno) == ("stanchion.error", logging.ERROR)
    assert "secret-of-the-exception" in logging.Formatter().format(record)
    assert document["request_id"] in record.getMessage()
    assert "token" not in record.getMessage()


@pytest.mark.parametrize("inline", [False, True])
def test_an_http_error_is_the_answer_and_not_logged(serve: Serve, inline: bool) -> None:
    def conflict(request: Request) -> Response:
        raise Conflict("taken", headers={"X-Owner": "b"}, owner="b")

    async def conflict_task(request: Request) -> Response:
        return conflict(request)

    with serve({"/": conflict if inline else conflict_task}).connect() as client:
        answer = client.send(get() * 2).answers(2)[1]
        document = msgspec.json.decode(answer.body)
        assert (answer.status, answer.headers["x-owner"], document["owner"]) == (409, "b", "b")


def test_a_problem_for_head_has_no_body(serve: Serve) -> None:
    with serve({"/next": hello}).connect() as client:
        client.send(get("/", method="HEAD") + get("/next"))
        assert client.answer("HEAD").status == 404
        assert client.answer().body == b"hello"


@pytest.mark.parametrize("value", [None, 7, {"a": 1}, Response({"a": 1}), Response(b"", status=99)], ids=repr)
@pytest.mark.parametrize("inline", [False, True])
def test_what_is_no_response_is_a_500(serve: Serve, value: Any, inline: bool) -> None:
    def wrong(request: Request) -> Any:
        return value

    async def wrong_task(request: Request) -> Any:
        return value

    live = serve({"/": wrong if inline else wrong_task})
    with live.connect() as client:
        assert client.send(get()).answer().status == 500
    assert len(live.logged()) == 1


def test_a_handler_that_cancels_itself_is_a_500(serve: Serve) -> None:
    async def cancelled(request: Request) -> Response:
        raise asyncio.CancelledError

    async def inner_cancelled(request: Request) -> Response:
        inner = asyncio.ensure_future(asyncio.sleep(10))
        inner.cancel()
        await inner
        return Response(b"")

    live = serve({"/": cancelled, "/inner": inner_cancelled, "/next": hello})
    with live.connect() as client:
        client.send(get() + get("/inner") + get("/next"))
        assert [answer.status for answer in client.answers(3)] == [500, 500, 200]
    assert len(live.logged()) == 2


def test_a_handlers_own_timeout_is_a_500(serve: Serve) -> None:
    async def late(request: Request) -> Response:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(10)
        return Response(b"")

    live = serve({"/": late})
    with live.connect() as client:
        assert client.send(get()).answer().status == 500
    assert len(live.logged()) == 1


def test_an_error_with_an_impossible_status_is_a_500(serve: Serve) -> None:
    async def wrong(request: Request) -> Response:
        raise HTTPError("no such status", status=1000)

    live = serve({"/": wrong})
    with live.connect() as client:
        assert client.send(get()).answer().status == 500
    assert len(live.logged()) == 1


def test_a_failure_before_the_body_is_there_closes(serve: Serve) -> None:
    live = serve({"/": boom_task})
    with live.connect() as client:
        answer = client.send(get("/", "content-length: 5", method="POST")).last_answer()
        assert (answer.status, answer.closes) == (500, True)
    assert len(live.logged()) == 1


def test_a_body_can_have_one_reader_only(serve: Serve) -> None:
    async def two(request: Request) -> Response:
        await asyncio.gather(request.body(), request.body())
        return Response(b"")

    live = serve({"/": two, "/echo": echo})
    with live.connect() as client:
        answer = client.send(get("/", "content-length: 5", method="POST")).last_answer()
        assert (answer.status, answer.closes) == (500, True)
    assert len(live.logged()) == 1
    with live.connect() as client:
        assert client.send(post("/echo", b"hello")).answer().status == 200


def test_a_finder_that_fails_is_a_500_and_closes(serve: Serve) -> None:
    live = serve({"/": hello})

    def find(method: str, path: str) -> Any:
        raise RuntimeError("secret")

    live.server.find = find  # type: ignore[method-assign]
    with live.connect() as client:
        answer = client.send(get()).last_answer()
        assert (answer.status, answer.closes) == (500, True)
        assert b"secret" not in answer.body
    assert len(live.logged()) == 1
