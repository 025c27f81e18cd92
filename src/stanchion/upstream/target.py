"""The URL of an upstream, read once: where to connect, and by which name it is spoken to."""

import ssl
from urllib.parse import urlsplit

from msgspec import Struct

from stanchion.errors import ConfigurationError

_PORTS = {"http": 80, "https": 443}
_EXPECTED = "write http://HOST:PORT, https://HOST, or unix:/PATH/TO/SOCKET"


class Target(Struct, frozen=True, kw_only=True):
    """Where an upstream is. `str()` of it is its URL without what might be secret."""

    host: str = "localhost"
    port: int = 80
    path: str | None = None
    """Of a Unix socket, which is connected to instead."""
    tls: bool = False
    authority: bytes = b"localhost"
    """What the Host field says where it is the upstream's own name."""
    base: str = ""
    """What comes before each path, without a slash at its end."""

    def __str__(self) -> str:
        if self.path is not None:
            return f"unix:{self.path}"
        return f"{'https' if self.tls else 'http'}://{self.authority.decode()}{self.base}"

    def ssl_context(self) -> ssl.SSLContext | None:
        """What checks the upstream's certificate by the system's authorities; None without TLS."""
        return ssl.create_default_context() if self.tls else None


def parse_target(url: str) -> Target:
    """Read an upstream's URL.

    Raises:
        ConfigurationError: it is none, or holds what cannot be passed on.
    """
    if url.startswith("unix:"):
        path = url.removeprefix("unix:").removeprefix("//")
        if not path.startswith("/") or "\0" in path:
            raise ConfigurationError(f"the upstream {url!r} names no absolute path; {_EXPECTED}")
        return Target(path=path)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigurationError(f"the upstream {url!r} is no URL ({error}); {_EXPECTED}") from None
    if parts.scheme not in _PORTS or not host or not url.isascii() or any(c <= " " or c == "\x7f" for c in url):
        raise ConfigurationError(f"the upstream {url!r} cannot be connected to; {_EXPECTED}")
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigurationError(f"the upstream {parts.hostname!r} has a user, a query or a fragment; {_EXPECTED}")
    name = f"[{host}]" if ":" in host else host
    default = _PORTS[parts.scheme]
    return Target(
        host=host,
        port=port or default,
        tls=parts.scheme == "https",
        authority=(name if port in (None, default) else f"{name}:{port}").encode(),
        base=parts.path.rstrip("/"),
    )
