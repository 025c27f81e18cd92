"""Responses as an origin sends them, and what is stored of them, at times that are easy to read."""

from collections.abc import Mapping

from stanchion.cache.entry import Field, Stored
from stanchion.cache.rules import storing
from stanchion.http.conditional import http_date

NOW = 1_750_000_000.0
"""When responses arrive: Sun, 15 Jun 2025 15:06:40 GMT."""

Fields = Mapping[str, str] | list[tuple[str, str]]


def date(offset: float = 0) -> str:
    """The date `offset` seconds from `NOW`."""
    return http_date(NOW + offset)


def raw(fields: Fields) -> list[Field]:
    """Fields as the rules take them."""
    pairs = fields.items() if isinstance(fields, Mapping) else fields
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs]


def asked(fields: Fields | None = None) -> dict[bytes, bytes]:
    """A request's fields, lines of a name joined as the wire layer does."""
    found: dict[bytes, bytes] = {}
    for name, value in raw(fields or {}):
        found[name] = b"%b, %b" % (found[name], value) if name in found else value
    return found


def kept(
    fields: Fields, *, request: Fields | None = None, status: int = 200, body: bytes = b"0123456789", delay: float = 0
) -> Stored:
    """What is stored of a response that arrived at `NOW`, `delay` seconds after it was asked for."""
    times = {"requested": NOW - delay, "received": NOW}
    return storing.stored(asked(request), status, raw(fields), body, **times)


def may_store(fields: Fields, *, request: Fields | None = None, status: int = 200, method: str = "GET") -> bool:
    """Whether such a response may be stored."""
    return storing.may_store(method, asked(request), status, raw(fields))
