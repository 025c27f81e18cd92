"""Max-Forwards and loops: requests that this gateway answers in an upstream's place (RFC 9110 §7.6.2, §9.3.8)."""

from stanchion.errors import BadRequest, HTTPError
from stanchion.http.request import Request
from stanchion.http.response import Response

_SECRET = frozenset((b"authorization", b"cookie", b"proxy-authorization"))
_LONGEST = 10
"""Digits of Max-Forwards that are read."""
_MOST_PASSES = 8
"""Times that a request may have come through a gateway of this name."""


def check_loop(request: Request) -> None:
    """Refuse a request that goes in circles.

    Raises:
        HTTPError: 508, code `proxy-loop`.
    """
    if request.fields[b"via"].count(b" stanchion") >= _MOST_PASSES:
        raise HTTPError(
            "the request has come through here before: the upstream leads back", status=508, code="proxy-loop"
        )


def hops_left(request: Request) -> int | None:
    """What Max-Forwards has to say at the next hop, -1 where there is none to be; None where it does not count."""
    if request.method not in ("TRACE", "OPTIONS"):
        return None
    text = request.fields[b"max-forwards"]
    if not text.isdigit() or len(text) > _LONGEST:
        raise BadRequest("Max-Forwards is not a number", code="malformed-request")
    return int(text) - 1


def last_hop(request: Request) -> Response:
    """The answer of who may not pass a request on."""
    if request.method == "OPTIONS":
        return Response(b"", 204, headers={"Allow": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE"})
    lines = [f"TRACE {request.path} HTTP/1.1".encode("latin-1")]
    lines += [b"%b: %b" % field for field in request.fields.items() if field[0] not in _SECRET]
    return Response(b"\r\n".join(lines) + b"\r\n\r\n", 200, "message/http")
