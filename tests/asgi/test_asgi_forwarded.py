"""Behind trusted proxies a FastAPI app sees its client, and the scheme the client used, as the outer app does."""

import json
from typing import Any

import pytest
from fastapi import FastAPI, Request

from tests.asgi.conftest import Serve
from tests.wire.client import get

inner = FastAPI()


@inner.get("/who", name="who")
async def who(request: Request) -> dict[str, Any]:
    assert request.client is not None
    return {"host": request.client.host, "port": request.client.port, "url": str(request.url_for("who"))}


def told(serve_app: Serve, settings: dict[str, Any], *fields: str) -> dict[str, Any]:
    server = serve_app(inner, "/v1", settings)
    with server.connect() as client:
        answer = client.send(get("/v1/who", *fields)).answer()
    assert answer.status == 200
    found: dict[str, Any] = json.loads(answer.body)
    found["port"] = bool(found["port"])  # a proxy tells none
    return found


FORGED = ("X-Forwarded-For: 6.6.6.6, 198.51.100.7", "X-Forwarded-Proto: https")


def test_one_proxy_is_believed_about_address_and_scheme(serve_app: Serve) -> None:
    found = told(serve_app, {"trusted_proxies": 1}, *FORGED)
    assert found == {"host": "198.51.100.7", "port": False, "url": "https://a/v1/who"}


def test_without_trusted_proxies_nothing_is_believed(serve_app: Serve) -> None:
    assert told(serve_app, {}, *FORGED) == {"host": "127.0.0.1", "port": True, "url": "http://a/v1/who"}


def test_a_stranger_is_not_believed(serve_app: Serve) -> None:
    found = told(serve_app, {"trusted_proxies": "10.0.0.0/8"}, *FORGED)
    assert found == {"host": "127.0.0.1", "port": True, "url": "http://a/v1/who"}


def test_forwarded_tells_both(serve_app: Serve) -> None:
    fields = ("Forwarded: for=6.6.6.6;proto=http, for=198.51.100.7;proto=https", "X-Forwarded-Proto: http")
    found = told(serve_app, {"trusted_proxies": 1, "forwarded_header": "forwarded"}, *fields)
    assert found == {"host": "198.51.100.7", "port": False, "url": "https://a/v1/who"}


@pytest.mark.parametrize("fields", [(), ("X-Forwarded-For: nonsense", "X-Forwarded-Proto: gopher")])
def test_a_proxy_that_tells_nothing_leaves_what_is_known(serve_app: Serve, fields: tuple[str, ...]) -> None:
    found = told(serve_app, {"trusted_proxies": 1}, *fields)
    assert found == {"host": "127.0.0.1", "port": True, "url": "http://a/v1/who"}
