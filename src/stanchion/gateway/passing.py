"""From a client's request to the upstream's: what is passed on, what is of one hop only, what is added.

The path goes on byte for byte. Fields are those the wire layer keeps: each name once, repeated ones joined, which
leaves their meaning as it is (RFC 9110 §5.3).
"""

from functools import partial

from stanchion.gateway.forwarding import FORWARDING, forwarding_lines
from stanchion.http.body import Body
from stanchion.http.request import Request
from stanchion.upstream.outgoing import Outgoing
from stanchion.upstream.spans import told
from stanchion.upstream.target import Target

_HOP = frozenset(
    (
        b"connection",
        b"content-length",
        b"expect",
        b"host",
        b"http2-settings",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
_DROPPED = _HOP | FORWARDING
_ALIASES = {name.replace(b"-", b"_") for name in _DROPPED}
"""How CGI and WSGI would read them: a client's `x_forwarded_for` must not become the real one's double."""
_VIA = b"1.1 stanchion"
_MOST_KNOWN = 512


class Passing:
    """Makes requests for one proxied prefix."""

    def __init__(self, prefix: str, *, host: str, strip_prefix: bool) -> None:
        """`prefix` is empty or `/v1`."""
        self._host = None if host in ("upstream", "client") else host.encode()
        self._clients_host = host == "client"
        self._cut = len(prefix) if strip_prefix else 0
        self._prefix = b"x-forwarded-prefix: %b\r\n" % prefix.encode() if self._cut else b""
        self._known: dict[int, tuple[dict[bytes, bytes], bytes]] = {}

    def __repr__(self) -> str:
        return f"<Passing {len(self._known)} heads known>"

    def outgoing(self, request: Request, target: Target, hops: int | None = None) -> Outgoing:
        """The request for `target`. `hops` is what is left of Max-Forwards, where it counts."""
        outgoing = self._outgoing(request, target, hops)
        inform = getattr(request.peer, "inform", None)
        if inform is not None:
            outgoing.informed = partial(inform, request)
        if request.judged and request.span is None and b"traceparent" not in request.fields:
            outgoing.head = told(outgoing.head, request.traceparent)  # else the upstream would decide for itself
        return outgoing

    def _outgoing(self, request: Request, target: Target, hops: int | None) -> Outgoing:
        stream, fields = request.stream, request.fields
        line = self._line(request, target)
        upgrade = b"upgrade" in fields and asks_for_websocket(fields) and hasattr(request.peer, "switch")
        if stream is None and not upgrade and hops is None and b"content-length" not in fields:
            return Outgoing(request.method, line + self._fields(request))
        lines = [line, self._fields(request)[:-2]]
        if hops is not None:
            lines.append(b"max-forwards: %d\r\n" % hops)
        if upgrade:
            lines.append(b"connection: Upgrade\r\nupgrade: websocket\r\n")
        if stream is None:
            if b"content-length" in fields:
                lines.append(b"content-length: 0\r\n")
            return Outgoing(request.method, b"".join((*lines, b"\r\n")), upgrade=upgrade)
        return _with_body(request, stream, lines)

    def _line(self, request: Request, target: Target) -> bytes:
        """The request line, and Host."""
        path = request.path
        if self._cut:
            path = path[self._cut :] or "/"
        if target.base and path[:1] == "/":
            path = target.base + path
        if request.query_string:
            path = f"{path}?{request.query_string}"
        host = request.fields.get(b"host") if self._clients_host else self._host
        return b"%b %b HTTP/1.1\r\nhost: %b\r\n" % (
            request.method.encode(),
            path.encode("latin-1"),
            target.authority if host is None else host,
        )

    def _fields(self, request: Request) -> bytes:
        """The fields and the blank line. Requests of a connection share theirs while they repeat: so do these."""
        fields = request.fields
        known = self._known.get(id(fields))
        if known is not None and known[0] is fields:
            return known[1]
        made = b"".join((*_lines(fields), *forwarding_lines(request, fields.get(b"host", b"")), self._prefix, b"\r\n"))
        if request.stream is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[id(fields)] = fields, made
        return made


def asks_for_websocket(fields: dict[bytes, bytes]) -> bool:
    """The one protocol that is passed on: an upgrade to h2c would go past every policy."""
    return fields[b"upgrade"].lower() == b"websocket" and b"connection" in fields


def _lines(fields: dict[bytes, bytes]) -> list[bytes]:
    """The fields that go on, a line each."""
    dropped: frozenset[bytes] | set[bytes] = _DROPPED
    connection = fields.get(b"connection")
    if connection is not None:
        dropped = _DROPPED | {name.strip().lower() for name in connection.split(b",")}
    lines = [
        b"%b: %b\r\n" % (name, value)
        for name, value in fields.items()
        if name not in dropped and name != b"via" and name not in _ALIASES
    ]
    if b"trailers" in fields.get(b"te", b"").lower():
        lines.append(b"te: trailers\r\nconnection: te\r\n")
    lines.append(b"via: %b\r\n" % (b"%b, %b" % (fields[b"via"], _VIA) if b"via" in fields else _VIA))
    return lines


def _with_body(request: Request, stream: Body, lines: list[bytes]) -> Outgoing:
    """A body that is all there goes out with its head; another as it arrives, framed as it came."""
    fields = request.fields
    if stream.complete and not stream.trailers:
        content = stream.take()
        lines.append(b"content-length: %d\r\n\r\n" % len(content))
        return Outgoing(request.method, b"".join(lines), content)
    chunked = b"transfer-encoding" in fields
    lines.append(
        b"transfer-encoding: chunked\r\n" if chunked else b"content-length: %b\r\n" % fields[b"content-length"]
    )
    expects = b"expect" in fields and not stream.complete
    lines.append(b"expect: 100-continue\r\n\r\n" if expects else b"\r\n")
    return Outgoing(request.method, b"".join(lines), stream=stream, chunked=chunked, expects=expects)
