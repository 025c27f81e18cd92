"""The page at /docs: complete by itself, closed to other names, with a Swagger UI that knows OpenAPI 3.1."""

import re
import subprocess
import sys

import pytest

from stanchion.routing.docs_page import asset, page


def test_every_asset_the_page_names_is_there_and_none_is_elsewhere() -> None:
    html = page("flights", "/openapi.json", "/docs")

    links = re.findall(r'(?:src|href)="([^"]*)"', html)
    assert len(links) == 4
    for link in links:
        found = asset(link.removeprefix("/docs/"))
        assert found is not None
        assert found[0]
    assert "//" not in html
    assert '<script src="' in html
    assert "<script>" not in html
    assert "<style" not in html


def test_what_the_page_is_given_is_escaped() -> None:
    html = page("<script>", '/a"b', "/docs")

    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert 'data-openapi-url="/a&quot;b"' in html


@pytest.mark.parametrize(
    ("name", "media_type", "beginning"),
    [
        ("start.js", "text/javascript; charset=utf-8", b'"use strict"'),
        ("swagger-ui.css", "text/css; charset=utf-8", b".swagger-ui"),
        ("favicon-32x32.png", "image/png", b"\x89PNG"),
    ],
)
def test_an_asset_has_its_media_type(name: str, media_type: str, beginning: bytes) -> None:
    found = asset(name)

    assert found is not None
    assert found[0].startswith(beginning)
    assert found[1] == media_type


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../__init__.py",
        "index.html",
        "swagger-ui.css.map",
        "/etc/passwd",
        "START.JS",
        "start.js\0",
    ],
)
def test_no_other_file_is_given_out(name: str) -> None:
    assert asset(name) is None


def test_swagger_ui_reads_openapi_3_1() -> None:
    found = asset("swagger-ui-bundle.js")

    assert found is not None
    assert rb"3\.1\." in found[0]


def test_the_assets_package_is_not_imported_until_an_asset_is_asked_for() -> None:
    program = "import sys, stanchion.routing.docs_page; sys.exit('swagger_ui_bundle' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
