"""The test client: what it sends, keeps, and refuses to take for an answer."""

from collections.abc import AsyncIterator

import pytest

from stanchion import App, Request, Response, Stream
from stanchion.testing import Client


def app() -> App:
    app = App("client")

    @app.post("/echo")
    async def echo(request: Request) -> Response:
        seen = {"query": dict(request.query), "cookies": dict(request.cookies), "body": (await request.body()).decode()}
        response = Response(seen)
        response.set_cookie("visit", "1")
        response.add_header("X-Many", "a")
        response.add_header("X-Many", "b")
        return response

    @app.get("/forget")
    async def forget() -> Response:
        response = Response("forgotten")
        response.delete_cookie("visit")
        return response

    @app.get("/broken")
    async def broken() -> Stream:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"half"
            raise RuntimeError("the rest is lost")

        return Stream(chunks())

    return app


def test_what_it_sends() -> None:
    with Client(app()) as client:
        result = client.post("/echo", params={"a": [1, 2], "b": "ü"}, json={"x": 1})
    assert result.json() == {"query": {"a": ["1", "2"], "b": ["ü"]}, "cookies": {}, "body": '{"x":1}'}


def test_cookies_are_kept_and_forgotten() -> None:
    with Client(app()) as client:
        client.post("/echo")
        assert client.post("/echo").json()["cookies"] == {"visit": "1"}
        client.get("/forget")
        assert client.cookies == {}


def test_repeated_headers_are_all_there() -> None:
    with Client(app()) as client:
        result = client.post("/echo")
    assert [value for name, value in result.header_list if name == "X-Many"] == ["a", "b"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_broken_stream_is_no_answer(method: str) -> None:
    with Client(app()) as client:
        if method == "GET":
            with pytest.raises(ConnectionError, match="within the response"):
                client.request(method, "/broken")
        else:
            assert client.request(method, "/broken").status == 200
