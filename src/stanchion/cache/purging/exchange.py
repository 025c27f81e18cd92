"""One request to a CDN's API, over a connection of its own, by the calling thread.

`http.client`, since purges are rare and have a thread to wait in: it follows no redirect and reads no proxy from the
environment, either of which could carry the token elsewhere. Certificates are checked against the system's.
"""

import ssl
from email.utils import parsedate_to_datetime
from functools import cache
from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import urlsplit

from msgspec import Struct

from stanchion.cache.purging.cdn import PurgeRequest

TIMEOUT = 10.0
"""Seconds of each wait for the network."""
_MOST = 65_536
"""Bytes of an answer that are read."""
NOTHING = 0
"""The status of no answer."""


class Answer(Struct, frozen=True):
    """Of a CDN."""

    status: int
    retry_after: float | None
    """Seconds from now."""
    body: bytes


def asked(request: PurgeRequest, now: float) -> Answer:
    """Send it; `now` in Unix seconds.

    Raises:
        OSError, HTTPException: there is no answer.
    """
    parts = urlsplit(request.url)
    assert parts.hostname is not None  # it was looked at when the CDN was declared
    if parts.scheme == "https":
        connection: HTTPConnection = HTTPSConnection(parts.hostname, parts.port, timeout=TIMEOUT, context=trust())
    else:
        connection = HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT)
    try:
        connection.request(request.method, parts.path, request.body, request.fields)
        response = connection.getresponse()
        return Answer(response.status, delay(response.getheader("Retry-After"), now), response.read(_MOST))
    finally:
        connection.close()


def delay(retry_after: str | None, now: float) -> float | None:
    """Seconds that a Retry-After asks for (RFC 9110 §10.2.3): a number of them, or a date; None without a good one."""
    if retry_after is None:
        return None
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after[:9])
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - now)
    except ValueError:
        return None


@cache
def trust() -> ssl.SSLContext:
    """The certificates that are trusted, read once: 17 ms."""
    return ssl.create_default_context()
