"""Files that hold another in a coding are sent in its place, to those who take it."""

import os
from pathlib import Path

import pytest

from stanchion import App, File
from stanchion.http.coding import encode
from stanchion.http.files import SMALL
from stanchion.testing import Client
from tests.http.decoding import decoded

SCRIPT = b"export const name = (row) => row.flight + row.origin;\n" * 30
LARGE = b"".join(b"%d,%d,%d\n" % (n, n * n, n * 7919 % 10_007) for n in range(30_000))
SUFFIXES = {"zstd": ".zst", "br": ".br", "gzip": ".gz"}


def lay(path: Path, content: bytes, *codings: str) -> None:
    path.write_bytes(content)
    for coding in codings:
        path.with_name(path.name + SUFFIXES[coding]).write_bytes(encode(coding, content))


@pytest.fixture
def app(tmp_path: Path) -> App:
    lay(tmp_path / "app.js", SCRIPT, "br", "gzip")
    lay(tmp_path / "large.csv", LARGE, "gzip")
    lay(tmp_path / "plain.js", SCRIPT)
    lay(tmp_path / "index.html", b"<p>hello</p>" * 100, "br")
    app = App("files")
    app.static("/assets", tmp_path, precompressed=True)
    app.static("/as-they-are", tmp_path)
    return app


@pytest.mark.parametrize("accept", ["gzip", "br", "gzip;q=0.5, br", "gzip, br;q=0.1"])
def test_the_sibling_that_the_client_takes(app: App, accept: str) -> None:
    with Client(app) as client:
        result = client.get("/assets/app.js", headers={"Accept-Encoding": accept})
    coding = "br" if accept in ("br", "gzip;q=0.5, br") else "gzip"
    assert result.headers["content-encoding"] == coding
    assert result.headers["vary"] == "Accept-Encoding"
    assert "javascript" in result.headers["content-type"]
    assert result.headers["content-length"] == str(len(result.body))
    assert decoded(coding, result.body) == SCRIPT


def test_of_equals_the_smallest(app: App, tmp_path: Path) -> None:
    (tmp_path / "app.js.br").write_bytes(encode("br", SCRIPT, 0))
    smaller = encode("gzip", SCRIPT, 9)
    (tmp_path / "app.js.gz").write_bytes(smaller)
    with Client(app) as client:
        result = client.get("/assets/app.js", headers={"Accept-Encoding": "br, gzip"})
    assert result.body == min(smaller, encode("br", SCRIPT, 0), key=len)


@pytest.mark.parametrize("accept", [None, "", "zstd", "identity", "br;q=0, gzip;q=0"])
def test_others_get_the_file_and_vary(app: App, accept: str | None) -> None:
    headers = {} if accept is None else {"Accept-Encoding": accept}
    with Client(app) as client:
        result = client.get("/assets/app.js", headers=headers)
    assert result.body == SCRIPT
    assert "content-encoding" not in result.headers
    assert result.headers["vary"] == "Accept-Encoding"


def test_a_file_without_siblings_does_not_vary(app: App) -> None:
    with Client(app) as client:
        result = client.get("/assets/plain.js", headers={"Accept-Encoding": "br"})
        undeclared = client.get("/as-they-are/app.js", headers={"Accept-Encoding": "br"})
    assert (result.body, undeclared.body) == (SCRIPT, SCRIPT)
    assert not {"vary", "content-encoding"} & (result.headers.keys() | undeclared.headers.keys())


def test_each_coding_has_its_validator(app: App) -> None:
    with Client(app) as client:
        tags = {}
        for accept in ("", "br", "gzip"):
            sent = {"Accept-Encoding": accept}
            tags[accept] = client.get("/assets/app.js", headers=sent).headers["etag"]
            again = client.get("/assets/app.js", headers=sent | {"If-None-Match": tags[accept]})
            assert (again.status, again.headers["etag"], again.headers["vary"]) == (
                304,
                tags[accept],
                "Accept-Encoding",
            )
        other = client.get("/assets/app.js", headers={"Accept-Encoding": "br", "If-None-Match": tags["gzip"]})
    assert len(set(tags.values())) == 3
    assert other.status == 200


def test_a_large_one_its_head_and_a_range_of_it(app: App) -> None:
    coded = encode("gzip", LARGE)
    assert len(coded) > SMALL
    sent = {"Accept-Encoding": "gzip"}
    with Client(app) as client:
        whole = client.get("/assets/large.csv", headers=sent)
        head = client.head("/assets/large.csv", headers=sent)
        tag = whole.headers["etag"]
        part = client.get("/assets/large.csv", headers=sent | {"Range": "bytes=10-99", "If-Range": tag})
        stale = client.get("/assets/large.csv", headers={"Range": "bytes=10-99", "If-Range": tag})
    assert whole.body == coded
    assert head.headers == whole.headers
    assert (part.status, part.body, part.headers["content-encoding"]) == (206, coded[10:100], "gzip")
    assert (stale.status, stale.body) == (200, LARGE)


def test_a_directory_stands_for_its_index(app: App) -> None:
    with Client(app) as client:
        result = client.get("/assets/", headers={"Accept-Encoding": "br"})
    assert decoded(result.headers["content-encoding"], result.body) == b"<p>hello</p>" * 100


def test_what_is_older_no_smaller_or_no_file_is_left_alone(app: App, tmp_path: Path) -> None:
    secret = tmp_path.parent / "secret"
    secret.write_bytes(b"secret")
    os.utime(tmp_path / "app.js.br", (1, 1))
    (tmp_path / "app.js.gz").write_bytes(SCRIPT)
    (tmp_path / "plain.js.br").symlink_to(secret)
    (tmp_path / "plain.js.gz").mkdir()
    with Client(app) as client:
        for name in ("app.js", "plain.js"):
            result = client.get(f"/assets/{name}", headers={"Accept-Encoding": "br, gzip"})
            assert (result.body, result.headers.get("content-encoding")) == (SCRIPT, None)


def test_the_given_vary_stays(tmp_path: Path) -> None:
    lay(tmp_path / "app.js", SCRIPT, "gzip")
    app = App("files")

    @app.get("/")
    async def home() -> File:
        return File(tmp_path / "app.js", headers={"vary": "Origin"}, precompressed=True)

    with Client(app) as client:
        assert client.get("/").headers["vary"] == "Origin, Accept-Encoding"
