import pytest

from stanchion.errors import ConfigurationError
from stanchion.upstream.target import parse_target


@pytest.mark.parametrize(
    ("url", "host", "port", "authority", "base"),
    [
        ("http://127.0.0.1:3000", "127.0.0.1", 3000, b"127.0.0.1:3000", ""),
        ("http://api.example", "api.example", 80, b"api.example", ""),
        ("https://api.example/v1/", "api.example", 443, b"api.example", "/v1"),
        ("https://api.example:443", "api.example", 443, b"api.example", ""),
        ("http://[::1]:81/", "::1", 81, b"[::1]:81", ""),
    ],
)
def test_urls(url: str, host: str, port: int, authority: bytes, base: str) -> None:
    target = parse_target(url)
    assert (target.host, target.port, target.authority, target.base) == (host, port, authority, base)
    assert target.tls is url.startswith("https")


def test_a_unix_socket_is_named_by_its_path() -> None:
    target = parse_target("unix:/run/app.sock")
    assert (target.path, target.authority, str(target)) == ("/run/app.sock", b"localhost", "unix:/run/app.sock")


@pytest.mark.parametrize(
    "url",
    [
        *("", "127.0.0.1:3000", "ftp://host", "http://", "http://host:port", "http://host:99999", "unix:relative"),
        *("http://user:secret@host", "http://host/?q", "http://host/#f", "http://ho st", "http://host/a\r\nb"),
    ],
)
def test_what_is_no_upstream_is_refused_with_what_to_write(url: str) -> None:
    with pytest.raises(ConfigurationError, match="http://HOST:PORT") as refused:
        parse_target(url)
    assert "secret" not in str(refused.value)
