"""A request that another server has received, from its scope; and what it may ask of its connection."""

from collections.abc import Iterable, Sequence
from time import monotonic_ns
from typing import Any, Protocol
from urllib.parse import quote

from stanchion.asgi.messages import Scope
from stanchion.asgi.scope import Addresses
from stanchion.http.client import parse_proxies
from stanchion.http.request import Request
from stanchion.routing.route import Endpoint
from stanchion.settings import Settings


class Served(Protocol):
    """A compiled app."""

    app: Any
    settings: Settings

    def find(self, method: str, path: str) -> tuple[Endpoint, Sequence[Any]] | tuple[None, list[str]]: ...

    def missing(self, method: str, allowed: Sequence[str]) -> Endpoint: ...


class Visitor:
    """The connection as its scope describes it; `closing` is set once the server says that the client has gone."""

    def __init__(self, served: Served, scope: Scope) -> None:
        self.scope = scope
        self.closing = False
        self.max_query_params = served.settings.max_query_params
        self.proxies = parse_proxies(served.settings.trusted_proxies, served.settings.forwarded_header)
        self.http_version: str = scope.get("http_version", "1.1")
        self.root_path: str = scope.get("root_path", "")

    @property
    def client(self) -> tuple[str, int] | None:
        """Address and port of the other end, if the server tells them."""
        client = self.scope.get("client")
        return None if client is None else (client[0], client[1])

    @property
    def server(self) -> tuple[str, int | None] | None:
        """Address and port of the server, if it tells them."""
        server = self.scope.get("server")
        return None if server is None else (server[0], server[1])

    @property
    def addresses(self) -> Addresses:
        """All three at once, as a scope has them."""
        return self.client, self.server, self.scheme

    @property
    def scheme(self) -> str:
        """`http` or `https`."""
        scheme: str = self.scope.get("scheme", "http")
        return {"ws": "http", "wss": "https"}.get(scheme, scheme)


def request_of(served: Served, visitor: Visitor) -> tuple[Request, Endpoint]:
    """The request, without its body, and what answers it.

    Raises:
        BadRequest: the path is not percent-encoded UTF-8.
    """
    scope = visitor.scope
    method: str = scope.get("method", "GET")
    path = _path(scope)
    endpoint, args = served.find(method, path)
    if endpoint is None:
        endpoint, args = served.missing(method, args), ()
    request = Request(
        method=method,
        path=path,
        query_string=scope.get("query_string", b"").decode("latin-1"),
        fields=_fields(scope["headers"]),
        peer=visitor,
        path_args=args,
        path_names=endpoint.path_names,
        app=served.app,
        began=monotonic_ns(),
    )
    return request, endpoint


def _path(scope: Scope) -> str:
    """The path as sent, without the server's own prefix."""
    raw: bytes | None = scope.get("raw_path")
    path = quote(scope["path"], safe="/!$&'()*+,;=:@~") if raw is None else raw.partition(b"?")[0].decode("latin-1")
    return path.removeprefix(scope.get("root_path", "").rstrip("/")) or "/"


def _fields(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Fields as the wire layer keeps them: repeated ones joined (RFC 9110 §5.3)."""
    fields: dict[bytes, bytes] = {}
    for name, value in headers:
        name = name.lower()
        if name in fields:
            value = fields[name] + (b"; " if name == b"cookie" else b", ") + value
        fields[name] = value
    return fields
