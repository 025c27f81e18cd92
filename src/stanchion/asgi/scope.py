"""A request as an ASGI connection scope, and the route an app's router leaves in it."""

from typing import Any, Protocol, cast
from urllib.parse import unquote

from stanchion.asgi.messages import Scope
from stanchion.http.request import Request

SCOPE = "asgi.scope"
"""Where `request.state` has the scope an app was called with."""
_VERSIONS = {"version": "3.0", "spec_version": "2.4"}


class Addressed(Protocol):
    """What a scope needs of the connection a request came by."""

    @property
    def client(self) -> tuple[str, int] | None: ...

    @property
    def server(self) -> tuple[str, int | None] | None: ...

    @property
    def scheme(self) -> str: ...

    @property
    def http_version(self) -> str: ...

    @property
    def root_path(self) -> str: ...


def http_scope(request: Request, prefix: str, state: dict[str, Any]) -> Scope:
    """The scope of a request, for an app mounted at `prefix`.

    `path` stays whole and begins with `root_path`. `headers` has each name once: the wire layer has joined repeated
    fields (RFC 9110 §5.3), which leaves their meaning as it is.
    """
    scope = _scope(request, prefix, state)
    scope["type"] = "http"
    scope["method"] = request.method
    scope["extensions"] = {"http.response.pathsend": {}}
    return scope


def websocket_scope(request: Request, prefix: str, state: dict[str, Any]) -> Scope:
    """The scope of a WebSocket handshake (RFC 6455 §4.1)."""
    scope = _scope(request, prefix, state)
    offered = request.fields.get(b"sec-websocket-protocol", b"").decode("latin-1").split(",")
    scope["type"] = "websocket"
    scope["scheme"] = "wss" if scope["scheme"] == "https" else "ws"
    scope["subprotocols"] = [name.strip() for name in offered if name.strip()]
    scope["extensions"] = {"websocket.http.response": {}}
    return scope


def _scope(request: Request, prefix: str, state: dict[str, Any]) -> Scope:
    peer = cast("Addressed", request.peer)
    path = request.path
    root = peer.root_path
    return {
        "asgi": _VERSIONS.copy(),
        "http_version": peer.http_version,
        "scheme": peer.scheme,
        "path": root + (unquote(path) if "%" in path else path),
        "raw_path": (root + path).encode("latin-1"),
        "query_string": request.query_string.encode("latin-1"),
        "root_path": root + prefix,
        "headers": list(request.fields.items()),
        "client": peer.client,
        "server": peer.server,
        "state": state.copy(),
    }


def route_template(scope: Scope, prefix: str) -> str | None:
    """The template of the route that Starlette's or FastAPI's router has left in a scope, behind those of mounts.

    None where there is none, or where the prefix of a nested mount holds values that cannot be told from its text: of
    labels made from them there would be no end.
    """
    path = _own_template(scope)
    if path is None:
        return None
    root: str = scope.get("root_path") or ""
    if not (root.startswith(prefix) and scope["path"].startswith(root)):  # set by the app, for a proxy's sake
        return prefix + path
    segments = root[len(prefix) :].split("/")
    params: dict[str, Any] = scope.get("path_params") or {}
    for name, value in params.items():
        if f"{{{name}}}" in path:
            continue
        if str(value) not in segments:
            return None
        segments[segments.index(str(value))] = f"{{{name}}}"
    return prefix + "/".join(segments) + path


def _own_template(scope: Scope) -> str | None:
    """The route's template; FastAPI keeps that of a route in an included router, prefix and all, in a place apart."""
    context = (scope.get("fastapi") or {}).get("effective_route_context")
    for holder in (getattr(context, "starlette_route", None), context, scope.get("route")):
        path = getattr(holder, "path_format", None) or getattr(holder, "path", None)
        if isinstance(path, str):
            return path
    return None
