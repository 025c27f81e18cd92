"""Whom a limit counts: from a request to the text that tells one client from another."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Literal

from stanchion.http.client import network_of
from stanchion.http.request import Request
from stanchion.routing.route import Route

By = Literal["client", "ip", "api_key", "route"] | Callable[[Request], str]
NAMES = ("client", "ip", "api_key", "route")
IDENTITY = "identity"
"""The key of `request.state` under which whoever has authenticated a request leaves the caller's name."""

Key = Callable[[Request], str]


def key_of(by: By, route: Route) -> Key:
    """The function that gives a request's key. Keys of different kinds never meet: each has a prefix."""
    if callable(by):
        return _of_callable(by)
    if by == "route":
        name = f"route {route.method} {route.template}"
        return lambda request: name
    return {"client": _client, "ip": _ip, "api_key": _api_key}[by]


def _of_callable(by: Callable[[Request], str]) -> Key:
    return lambda request: f"own {by(request)}"


def _ip(request: Request) -> str:
    address = request.client_ip
    return "ip -" if address is None else f"ip {network_of(address)}"


def _client(request: Request) -> str:
    identity = request.state.get(IDENTITY)
    return _ip(request) if identity is None else f"id {identity}"


def _api_key(request: Request) -> str:
    """X-API-Key, or the token of a Bearer scheme (RFC 6750 §2.1), hashed: a store never sees a secret."""
    fields = request.fields
    key = fields.get(b"x-api-key")
    if key is None:
        scheme, _, token = fields.get(b"authorization", b"").partition(b" ")
        key = token.strip() if scheme.lower() == b"bearer" else b""
    return f"key {blake2b(key, digest_size=16).hexdigest()}" if key else _ip(request)
