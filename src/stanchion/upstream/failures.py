"""What can go wrong with an upstream, each with the answer that a client gets for it.

    UpstreamFailure                  502  upstream-broken       the connection ended before the answer did
    ├── UpstreamUnreachable          502  upstream-unreachable  no connection: refused, no such host, TLS
    ├── UpstreamMalformed            502  upstream-malformed    what came is not HTTP, or could be read in two ways
    ├── UpstreamTimeout              504  upstream-timeout      it connects, or answers, too slowly
    └── UpstreamBusy                 503  upstream-busy         all connections are in use

They are `HTTPError`s, so that a handler that calls an upstream need not catch them: RFC 9110 §15.6 has these statuses
for what a gateway meets.
"""

from stanchion.errors import HTTPError


class UpstreamFailure(HTTPError):
    """The connection ended before the answer did."""

    status = 502
    code = "upstream-broken"
    untouched = False
    """The upstream cannot have begun with the request: it may be sent again, whatever its method."""
    stale = False
    """A connection that had been used before ended without a byte: it was closing as the request left."""


class UpstreamUnreachable(UpstreamFailure):
    """There is no connection to it."""

    code = "upstream-unreachable"
    untouched = True


class UpstreamMalformed(UpstreamFailure):
    """It has sent what is not HTTP, or what could be read in two ways."""

    code = "upstream-malformed"


class UpstreamTimeout(UpstreamFailure):
    """It has not answered in time."""

    status = 504
    code = "upstream-timeout"


class UpstreamBusy(UpstreamFailure):
    """All connections to it are in use, and none became free in time."""

    status = 503
    code = "upstream-busy"
    untouched = True


def stale(detail: str) -> UpstreamFailure:
    """A kept connection that had ended already."""
    failure = UpstreamFailure(detail)
    failure.stale = True
    return failure


def connecting_took_too_long(detail: str) -> UpstreamTimeout:
    """No request was sent yet."""
    failure = UpstreamTimeout(detail)
    failure.untouched = True
    return failure


def busy(detail: str) -> UpstreamBusy:
    """With when to come back."""
    return UpstreamBusy(detail, headers={"Retry-After": "1"})
