"""What is checked of a head beyond the parser's checks, as values in and values out."""

import pytest

from stanchion.errors import HTTPError
from stanchion.wire.http1 import framing


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("*", ("*", "", None)),
        ("/a?b?c", ("/a", "b?c", None)),
        ("/a%2Fb%3F", ("/a%2Fb%3F", "", None)),
        ("//a", ("//a", "", None)),
        ("http://a", ("/", "", "a")),
        ("http://a:80/b?c", ("/b", "c", "a:80")),
        ("HTTPS://[::1]?c", ("/", "c", "[::1]")),
    ],
)
def test_targets(target: str, expected: tuple[str, str, str | None]) -> None:
    assert framing.split_target("OPTIONS", target) == expected


@pytest.mark.parametrize(
    "target", ["*", "a", "a:443", "ftp://a/", "http:a", "http://", "http:///a", "/a#b", "http://a#b"]
)
def test_targets_of_no_form_for_origins(target: str) -> None:
    with pytest.raises(HTTPError) as caught:
        framing.split_target("GET", target)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "host", [b"a", b"a.b-c_d~", b"a:80", b"a:", b"127.0.0.1:8000", b"[::1]", b"[fe80::1]:80", b"%41", b"a!$&'()*+;="]
)
def test_hosts(host: bytes) -> None:
    assert framing.check_host(host) is None


@pytest.mark.parametrize(
    "host",
    [
        *(b"", b" ", b"a b", b"a,b", b"a/b", b"a@b", b"a?b", b"a#b", b"a:b", b"a:1:2", b"::1", b"[::1", b"[g]"),
        *(b"%4", b"%zz", b'"a"', b"a\\b", b"\xe9", b"a:123456", b":80"),
    ],
)
def test_no_hosts(host: bytes) -> None:
    with pytest.raises(HTTPError) as caught:
        framing.check_host(host)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("coding", "status"), [(b"gzip", 501), (b"gzip, chunked", 501), (b"", 400), (b",chunked", 400)]
)
def test_transfer_codings_refused(coding: bytes, status: int) -> None:
    with pytest.raises(HTTPError) as caught:
        framing.check_transfer_encoding(coding, http10=False)
    assert caught.value.status == status


def test_chunked_is_taken_in_http_1_1_only() -> None:
    assert framing.check_transfer_encoding(b"Chunked", http10=False) is None
    with pytest.raises(HTTPError) as caught:
        framing.check_transfer_encoding(b"chunked", http10=True)
    assert caught.value.status == 400


def test_versions() -> None:
    assert (framing.check_version("1.0"), framing.check_version("1.1")) == (True, False)
    with pytest.raises(HTTPError) as caught:
        framing.check_version("2.0")
    assert caught.value.status == 505


def test_an_authority_that_differs_from_host() -> None:
    fields = {b"host": b"A:80"}
    framing.check_authority(b"a:80", fields)
    assert fields == {b"host": b"A:80"}
    with pytest.raises(HTTPError):
        framing.check_authority(b"a", fields)
    without: dict[bytes, bytes] = {}
    framing.check_authority(b"a", without)
    assert without == {b"host": b"a"}


@pytest.mark.parametrize(
    ("fields", "length"), [({}, 0), ({b"content-length": b"0"}, 0), ({b"content-length": b"007"}, 7)]
)
def test_content_lengths(fields: dict[bytes, bytes], length: int) -> None:
    assert framing.content_length(fields) == length


def test_a_content_length_of_more_digits_than_int_takes() -> None:
    assert framing.content_length({b"content-length": b"0" * 10_000 + b"7"}) == 7
