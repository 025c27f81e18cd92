"""A request as an ASGI connection scope."""

from typing import Any, Protocol, cast
from urllib.parse import unquote

from stanchion.asgi.messages import Scope
from stanchion.http.client import canonical
from stanchion.http.request import Request

Addresses = tuple[tuple[str, int] | None, tuple[str, int | None] | None, str]


class Addressed(Protocol):
    """What a scope needs of the connection a request came by."""

    @property
    def addresses(self) -> Addresses:
        """Of the client and the server, each as far as known, and the scheme."""
        ...

    @property
    def http_version(self) -> str: ...

    @property
    def root_path(self) -> str: ...


def http_scope(request: Request, prefix: str, state: dict[str, Any]) -> Scope:
    """The scope of a request, for an app mounted at `prefix`.

    `path` stays whole and begins with `root_path`. `headers` has each name once: the wire layer has joined repeated
    fields (RFC 9110 §5.3), which leaves their meaning as it is. Behind trusted proxies `client` and `scheme` are the
    client's own, with port 0, which proxies do not tell.
    """
    peer = cast("Addressed", request.peer)
    client, server, scheme = peer.addresses
    if request.peer.proxies.believed:
        client, scheme = _client(request, client), request.scheme
    path, root = request.path, peer.root_path
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": peer.http_version,
        "method": request.method,
        "scheme": scheme,
        "path": root + (unquote(path) if "%" in path else path),
        "raw_path": (root + path).encode("latin-1"),
        "query_string": request.query_string.encode("latin-1"),
        "root_path": root + prefix,
        "headers": list((_traced(request) if request.judged else request.fields).items()),
        "client": client,
        "server": server,
        "state": state.copy(),
        "extensions": {"http.response.pathsend": {}},
    }


def _traced(request: Request) -> dict[bytes, bytes]:
    """Its fields, by which the app's own spans become parts of the request's."""
    return {**request.fields, b"traceparent": request.traceparent.encode()}


def _client(request: Request, end: tuple[str, int] | None) -> tuple[str, int] | None:
    """The client by what the proxies say; the other end of the connection where they say nothing."""
    address = request.client_ip
    if address is None or (end is not None and address == canonical(end[0])):
        return end
    return address, 0


def websocket_scope(request: Request, prefix: str, state: dict[str, Any]) -> Scope:
    """The scope of a WebSocket handshake (RFC 6455 §4.1)."""
    scope = http_scope(request, prefix, state)
    offered = request.fields.get(b"sec-websocket-protocol", b"").decode("latin-1").split(",")
    del scope["method"]
    scope["type"] = "websocket"
    scope["scheme"] = "wss" if scope["scheme"] == "https" else "ws"
    scope["subprotocols"] = [name.strip() for name in offered if name.strip()]
    scope["extensions"] = {"websocket.http.response": {}}
    return scope
