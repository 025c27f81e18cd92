"""What a handler puts into a response's head cannot become another head."""

from typing import Any

import pytest

from stanchion.errors import HTTPError
from stanchion.http.request import Request
from stanchion.http.response import Response, Stream
from tests.wire.client import get
from tests.wire.conftest import Serve
from tests.wire.handlers import hello


async def _empty() -> Any:
    yield b"streamed"


BAD = [
    {"x": "a\r\nset-cookie: b"},
    {"x": "a\nb"},
    {"x": "a\rb"},
    {"x": "a\0b"},
    {"x\r\ny": "a"},
    {"x y": "a"},
    {"x:": "a"},
    {"": "a"},
    {"x\xff": "a"},
    {"x": "\u20ac"},
    {"Content-Length": "7"},
    {"transfer-encoding": "chunked"},
    {"Connection": "keep-alive"},
    {"date": "today"},
    {"x": 7},
]


@pytest.mark.parametrize("headers", BAD, ids=repr)
@pytest.mark.parametrize("kind", ["task", "inline", "stream", "problem"])
def test_a_field_that_breaks_out_is_a_500(serve: Serve, headers: dict[str, str], kind: str) -> None:
    async def task(request: Request) -> Response:
        return Response(b"split", headers=headers)

    def inline(request: Request) -> Response:
        return Response(b"split", headers=headers)

    async def stream(request: Request) -> Response:
        return Stream(_empty(), headers=headers)

    async def problem(request: Request) -> Response:
        raise HTTPError("split", status=409, headers=headers)

    handlers: dict[str, Any] = {"task": task, "inline": inline, "stream": stream, "problem": problem}
    live = serve({"/": handlers[kind], "/next": hello})
    with live.connect() as client:
        answer = client.send(get() + get("/next")).answer()
        assert (answer.status, answer.headers["content-type"]) == (500, "application/problem+json")
        assert b"split" not in answer.body
        assert client.answer().body == b"hello"
    assert len(live.logged()) == 1


@pytest.mark.parametrize("kind", ["more_headers", "media_type", "status"])
def test_so_is_any_other_part_of_the_head(serve: Serve, kind: str) -> None:
    async def bad(request: Request) -> Response:
        response = Response(b"")
        setattr(response, kind, {"more_headers": [("a", "b\nc")], "media_type": "a\r\nb: c", "status": 1000}[kind])
        return response

    live = serve({"/": bad})
    with live.connect() as client:
        assert client.send(get()).answer().status == 500
    assert len(live.logged()) == 1


def test_sound_fields_are_sent_as_they_are(serve: Serve) -> None:
    async def good(request: Request) -> Response:
        response = Response(b"", headers={"X-One": "grün", "x_two": "a\tb"})
        response.add_header("X-Three", "")
        return response

    with serve({"/": good}).connect() as client:
        headers = client.send(get()).answer().headers
        assert (headers["x-one"], headers["x_two"], headers["x-three"]) == ("grün", "a\tb", "")
