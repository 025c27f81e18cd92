"""A body in a coding that nothing decodes: 415, and what is taken instead (RFC 9110 §15.5.16)."""

import gzip
from typing import Annotated

import pytest

from stanchion import App, Form, Request
from stanchion.testing import Client

CODED = gzip.compress(b'{"a": 1}')


@pytest.fixture
def app() -> App:
    app = App("bodies")

    @app.post("/json")
    async def json(body: dict[str, int]) -> int:
        return body["a"]

    @app.post("/form")
    async def form(a: Annotated[str, Form()]) -> str:
        return a

    @app.post("/bytes")
    async def raw(request: Request, body: bytes, times: int = 1) -> bytes:
        assert request.headers["content-encoding"] == "gzip"
        return gzip.decompress(body)

    return app


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/json", "application/json"),
        ("/form", "application/x-www-form-urlencoded"),
        ("/form", "multipart/form-data; boundary=a"),
    ],
)
def test_json_and_forms_in_a_coding_are_refused(app: App, path: str, media_type: str) -> None:
    with Client(app) as client:
        sent = {"Content-Type": media_type, "Content-Encoding": "GZIP"}
        result = client.post(path, body=CODED, headers=sent)
    assert (result.status, result.json()["code"]) == (415, "content-coding-not-supported")
    assert result.headers["accept-encoding"] == "identity"
    assert "gzip" in result.json()["detail"]


def test_identity_is_none(app: App) -> None:
    with Client(app) as client:
        sent = {"Content-Type": "application/json", "Content-Encoding": "identity"}
        assert client.post("/json", body=b'{"a": 1}', headers=sent).json() == 1
        assert client.post("/json", body=b'{"a": x}', headers=sent).json()["code"] == "malformed-json"


def test_bytes_are_taken_as_they_are(app: App) -> None:
    with Client(app) as client:
        assert client.post("/bytes", body=CODED, headers={"Content-Encoding": "gzip"}).body == b'{"a": 1}'
        wrong = client.post("/bytes?times=x", body=CODED, headers={"Content-Encoding": "gzip"})
    assert wrong.status == 422
