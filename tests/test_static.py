"""Static files of an app."""

from pathlib import Path

import pytest

from stanchion import App
from stanchion.errors import RouteError
from stanchion.testing import Client


@pytest.fixture
def app(tmp_path: Path) -> App:
    assets = tmp_path / "assets"
    (assets / "css").mkdir(parents=True)
    (assets / "css" / "a.css").write_text("body {}")
    (assets / "large.bin").write_bytes(bytes(range(256)) * 1000)
    (assets / ".env").write_text("secret")
    (tmp_path / "outside.txt").write_text("secret")
    app = App("assets")
    app.static("/assets", assets)
    return app


def test_a_file_with_what_caches_need(app: App) -> None:
    with Client(app) as client:
        result = client.get("/assets/css/a.css")
        again = client.get("/assets/css/a.css", headers={"If-None-Match": result.headers["etag"]})
    assert (result.status, result.text) == (200, "body {}")
    assert result.headers["content-type"] == "text/css; charset=utf-8"
    assert result.headers["cache-control"] == "public, max-age=3600"
    assert (again.status, again.body) == (304, b"")


def test_a_large_file_and_a_range_of_it(app: App) -> None:
    with Client(app) as client:
        whole = client.get("/assets/large.bin")
        part = client.get("/assets/large.bin", headers={"Range": "bytes=1-100000"})
        head = client.head("/assets/large.bin")
    assert whole.body == bytes(range(256)) * 1000
    assert (part.status, part.body) == (206, whole.body[1:100_001])
    assert (head.body, head.headers["content-length"]) == (b"", "256000")


@pytest.mark.parametrize(
    "path",
    [
        "/assets/none.css",
        "/assets/css",
        "/assets/.env",
        "/assets/../outside.txt",
        "/assets/%2e%2e/outside.txt",
        "/assets/..%2foutside.txt",
        "/assets//etc/passwd",
        "/assets/css/%00",
    ],
)
def test_nothing_else_is_reachable(app: App, path: str) -> None:
    with Client(app) as client:
        result = client.get(path)
    assert result.status in (400, 404)
    assert "secret" not in result.text


def test_a_missing_directory_is_refused_at_start(tmp_path: Path) -> None:
    with pytest.raises(RouteError, match="not a directory"):
        App("none").static("/x", tmp_path / "none")
