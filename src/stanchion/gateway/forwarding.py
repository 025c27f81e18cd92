"""A client's request as its upstream gets it: the same path and fields, less those of the client's connection.

Who the client is goes along as `Forwarded` (RFC 7239) and X-Forwarded-…, as far as it is known here: what a client says
of itself is passed on only where `trusted_proxies` believes the one it comes from (RFC 9110 §7.6, RFC 9112 §6).
"""

from collections.abc import Callable, Mapping

from stanchion.gateway.options import ProxyOptions
from stanchion.http.request import Request
from stanchion.upstream.outgoing import Outgoing
from stanchion.upstream.target import Target

_OF_THE_HOP = frozenset(
    b"connection content-length expect forwarded host keep-alive max-forwards proxy-authorization proxy-connection te"
    b" transfer-encoding upgrade via x-forwarded-for x-forwarded-host x-forwarded-proto".split()
)
"""Fields that are not passed on as they are."""
_ABOUT_CLIENT = b"\r\nx-forwarded-for: %b\r\nx-forwarded-proto: %b\r\nx-forwarded-host: %b\r\nforwarded: %b\r\nvia: %b"
_FORWARDING = (b"x-forwarded-for", b"forwarded")

Forward = Callable[[Request], Outgoing]


def forwarder(target: Target, options: ProxyOptions, prefix: str) -> Forward:
    """What makes the requests to one upstream; `prefix` is the route's."""
    cut = len(prefix) if options.strip_prefix else 0
    base = target.base
    own = {"upstream": target.authority, "client": None}.get(options.host, options.host.encode())

    def forward(request: Request) -> Outgoing:
        path = request.path[cut:] if cut else request.path
        url = f"{base}{path or '/'}?{request.query_string}" if request.query_string else f"{base}{path or '/'}"
        fields = request.fields
        parts = [f"{request.method} {url} HTTP/1.1\r\nhost: ".encode("latin-1"), own or fields.get(b"host", b"-")]
        apart = _OF_THE_HOP if b"connection" not in fields else _OF_THE_HOP | _named(fields[b"connection"])
        parts += [b"\r\n%b: %b" % field for field in fields.items() if field[0] not in apart]
        parts.append(_about_client(request))
        return _with_body(request, parts)

    return forward


def _named(connection: bytes) -> set[bytes]:
    """Fields that Connection says are of this hop (RFC 9110 §7.6.1)."""
    return {name.strip().lower() for name in connection.split(b",")}


def _about_client(request: Request) -> bytes:
    fields, end, proxies = request.fields, request.client, request.peer.proxies
    address = (end[0] if end else "unknown").encode("latin-1")
    scheme, host = request.scheme.encode(), fields.get(b"host", b"-")
    node = b'"[%b]"' % address if b":" in address else address
    listed, forwarded = address, b"for=%b;proto=%b;host=%b" % (node, scheme, _quoted(host))
    if proxies.believed and request.client_ip != (end[0] if end else None):
        listed, forwarded = (
            b"%b, %b" % (fields[name], own) if name in fields else own
            for name, own in zip(_FORWARDING, (listed, forwarded), strict=True)
        )
    via = fields[b"via"] + b", 1.1 stanchion" if b"via" in fields else b"1.1 stanchion"
    return _ABOUT_CLIENT % (listed, scheme, host, forwarded, via)


def _quoted(host: bytes) -> bytes:
    return host if host.replace(b".", b"").replace(b"-", b"").isalnum() else b'"%b"' % host.replace(b'"', b"")


def _with_body(request: Request, parts: list[bytes]) -> Outgoing:
    """The head's end tells how the body is framed: as it came, where its length is known."""
    stream, fields = request.stream, request.fields
    if stream is None:
        if b"content-length" in fields:  # 0, or there would be a stream
            parts.append(b"\r\ncontent-length: 0")
        return Outgoing(request.method, b"".join((*parts, b"\r\n\r\n")))
    if stream.complete:
        content = stream.take()
        return Outgoing(request.method, b"".join((*parts, b"\r\ncontent-length: %d\r\n\r\n" % len(content))), content)
    chunked = b"content-length" not in fields
    parts.append(
        b"\r\ntransfer-encoding: chunked" if chunked else b"\r\ncontent-length: %b" % fields[b"content-length"]
    )
    expects = b"expect" in fields
    parts.append(b"\r\nexpect: 100-continue\r\n\r\n" if expects else b"\r\n\r\n")
    return Outgoing(request.method, b"".join(parts), stream=stream, chunked=chunked, expects=expects)


def probe(target: Target, path: str, fields: Mapping[bytes, bytes] | None = None) -> Outgoing:
    """A question about an upstream's health."""
    lines = b"".join(b"\r\n%b: %b" % field for field in (fields or {}).items())
    head = b"GET %b HTTP/1.1\r\nhost: %b\r\nuser-agent: stanchion-health%b\r\n\r\n"
    return Outgoing("GET", head % (f"{target.base}{path}".encode("latin-1"), target.authority, lines))
