"""RFC 9111 §4.4: what unsafe methods make invalid."""

import pytest

from stanchion.cache.rules import invalidation
from tests.cache.rules.made import raw
from tests.cache.rules.requirements import requirement

URL = "http://api.example:8080/a/b?c=1"


@requirement("4.4", "MUST", "invalidate the target after a non-error answer to an unsafe or unknown method")
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "M-SEARCH", "PURGE", "get"])
@pytest.mark.parametrize(("status", "expected"), [(200, True), (204, True), (303, True), (404, False), (500, False)])
def test_4_4_unsafe_methods_invalidate(method: str, status: int, expected: bool) -> None:
    assert invalidation.invalidates(method, status) is expected


@requirement("4.4", "choice", "methods that are registered as safe invalidate nothing")
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "QUERY"])
def test_4_4_safe_methods_do_not(method: str) -> None:
    assert not invalidation.invalidates(method, 200)


@requirement("4.4", "MAY", "invalidate what Location and Content-Location name")
@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("http://api.example:8080/x?y", "http://api.example:8080/x?y"),
        ("HTTP://API.Example:8080/x", "http://api.example:8080/x"),
        ("/x", "http://api.example:8080/x"),
        ("x", "http://api.example:8080/a/x"),
        ("../x#fragment", "http://api.example:8080/x"),
        ("//api.example:8080", "http://api.example:8080/"),
    ],
)
@pytest.mark.parametrize("name", ["Location", "Content-Location"])
def test_4_4_references_of_the_same_origin(name: str, reference: str, expected: str) -> None:
    assert invalidation.related(URL, raw({name: reference})) == [URL, expected]


@requirement("4.4", "MUST NOT", "invalidate what is of another origin")
@pytest.mark.parametrize(
    "reference",
    [
        "http://other.example:8080/x",
        "https://api.example:8080/x",
        "http://api.example/x",
        "//user@api.example/x",
        "http://api.example:8080x/x",
        "http://[::1/x",
        "mailto:a@api.example",
    ],
)
def test_4_4_references_of_another_origin(reference: str) -> None:
    assert invalidation.related(URL, raw({"Location": reference})) == [URL]


def test_a_default_port_is_a_port() -> None:
    assert invalidation.related("http://a/", raw({"Location": "http://a:80/x"})) == ["http://a/", "http://a/x"]


def test_both_fields_are_read_and_nothing_is_named_twice() -> None:
    fields = raw([("Location", "/x"), ("Content-Location", "/y"), ("Content-Location", "/x"), ("Link", "/z")])
    assert invalidation.related("http://a/", fields) == ["http://a/", "http://a/x", "http://a/y"]
