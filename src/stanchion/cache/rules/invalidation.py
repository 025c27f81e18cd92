"""What a request that changes something makes invalid (RFC 9111 §4.4)."""

from collections.abc import Iterable
from urllib.parse import SplitResult, urljoin, urlsplit

from stanchion.cache.entry import Field

SAFE = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "REPORT", "SEARCH", "QUERY"))
"""Methods registered as safe. One that is not known may change anything (§4.4)."""
_PORTS = {"http": 80, "https": 443}
_MOST = 8192


def invalidates(method: str, status: int) -> bool:
    """Whether the answer to a request makes what is stored invalid: its method is unsafe, and it did not fail."""
    return method not in SAFE and 200 <= status < 400


def related(url: str, fields: Iterable[Field]) -> list[str]:
    """The URLs that become invalid: `url` itself (absolute), then those in Location and Content-Location of its origin.
    Another origin's would let anyone empty anyone's cache."""
    target = urlsplit(url)
    found = [url]
    for name, value in fields:
        if name in (b"location", b"content-location") and len(value) <= _MOST:
            other = _of_the_origin(target, url, value.decode("latin-1").strip())
            if other is not None and other not in found:
                found.append(other)
    return found


def _of_the_origin(target: SplitResult, url: str, reference: str) -> str | None:
    try:
        there = urlsplit(urljoin(url, reference))
        if _origin(there) != _origin(target):
            return None
    except ValueError:  # a port or an address that is none
        return None
    query = f"?{there.query}" if there.query else ""
    return f"{target.scheme}://{target.netloc}{there.path or '/'}{query}"


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, url.port or _PORTS.get(url.scheme)
