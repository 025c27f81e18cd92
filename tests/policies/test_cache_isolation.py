"""Nobody gets what was made for another: credentials, cookies, reflected fields, and paths that look like files."""

from collections.abc import Iterator

import pytest

from stanchion import App, Cache, Request, Response
from stanchion.testing import Client


class Origin:
    """Counts its calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.app = App("origin")
        for path, handler in {
            "/authorization": self._authorization,
            "/cookie": self._cookie,
            "/reflected": self._reflected,
            "/session": self._session,
            "/private": self._private,
            "/plain": self._plain,
            "/me/{rest:path}": self._me,
        }.items():
            self.app.get(path, cache=Cache(ttl=60))(handler)

    async def _authorization(self, request: Request) -> str:
        return self._made(request.headers.get("authorization", "nobody"))

    async def _cookie(self, request: Request) -> str:
        return self._made(request.cookies.get("who", "nobody"))

    async def _reflected(self, request: Request) -> str:
        return self._made(request.headers.get("x-forwarded-host", "none") + request.headers.get("host", ""))

    async def _session(self) -> Response:
        response = Response(self._made("session"))
        response.set_cookie("id", str(self.calls))
        return response

    async def _private(self) -> Response:
        return Response(self._made("private"), headers={"Cache-Control": "private"})

    async def _plain(self) -> str:
        return self._made("plain")

    async def _me(self, request: Request, rest: str) -> str:
        return self._made(request.headers.get("authorization", "nobody"))

    def _made(self, text: str) -> str:
        self.calls += 1
        return text


@pytest.fixture
def origin() -> Origin:
    return Origin()


@pytest.fixture
def client(origin: Origin) -> Iterator[Client]:
    with Client(origin.app) as client:
        yield client


@pytest.mark.parametrize("path", ["/authorization", "/me/x.css"])
def test_what_was_made_from_credentials_is_for_nobody_else(client: Client, origin: Origin, path: str) -> None:
    for _ in range(2):
        for who in ("ann", "bob"):
            answer = client.get(path, headers={"Authorization": who})
            assert answer.body == who.encode()
            assert "no-store" in answer.headers["cache-control"]
    assert client.get(path).body == b"nobody"
    assert origin.calls >= 5


def test_what_was_made_from_a_cookie_is_for_nobody_else(client: Client) -> None:
    for _ in range(2):
        for who in ("ann", "bob"):
            assert client.get("/cookie", headers={"Cookie": f"who={who}"}).body == who.encode()


def test_a_field_that_is_reflected_poisons_nobody(client: Client) -> None:
    evil = client.get("/reflected", headers={"X-Forwarded-Host": "evil"}).body
    assert evil.startswith(b"evil")
    assert b"evil" not in client.get("/reflected").body
    assert b"evil" not in client.get("/reflected", headers={"X-Forwarded-Host": "good"}).body


def test_another_host_is_another_answer(client: Client, origin: Origin) -> None:
    for host in ("one.example", "two.example", "one.example"):
        client.get("/plain", headers={"Host": host})
    assert origin.calls == 2


@pytest.mark.parametrize("path", ["/session", "/private"])
def test_what_is_for_one_client_is_made_each_time(client: Client, origin: Origin, path: str) -> None:
    for _ in range(3):
        assert client.get(path).status == 200
    assert origin.calls == 3


def test_a_handler_that_looks_at_nobody_is_kept_for_all(client: Client, origin: Origin) -> None:
    for headers in ({}, {"Authorization": "ann"}, {"Cookie": "who=bob"}):
        assert client.get("/plain", headers=headers).body == b"plain"
    assert origin.calls == 1
