"""What may be stored, and what of it (RFC 9111 §3)."""

from collections.abc import Iterable, Mapping, Sequence

from stanchion.cache.entry import Field, Stored
from stanchion.cache.rules import variants
from stanchion.cache.rules.directives import delta_seconds, names, of_request
from stanchion.cache.rules.terms import HEURISTIC, Terms, lifetime_by, of_fields, of_received
from stanchion.http.conditional import http_date

Fields = Sequence[Field]

HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authentication-info proxy-authorization proxy-connection"
    b" te trailer transfer-encoding upgrade".split()
)
"""Fields of one connection, or of one proxy (RFC 9110 §7.6.1, RFC 9111 §3.1)."""
_LEFT_OUT = HOP | {b"age", b"content-length", b"set-cookie"}
_UNDERSTOOD = (HEURISTIC - {206}) | set(range(400, 404)) | {302, 303, 307, 406, 409, 412, 413, 415, 416, 421, 422, 429}
_UNDERSTOOD |= set(range(500, 506))
"""Statuses whose caching this code conforms to (§5.2.2.3)."""
_GOVERNING = frozenset(
    b"cache-control cdn-cache-control content-encoding content-type date etag expires last-modified vary".split()
)
"""Fields without which a response would be taken for another one."""
_SOME_DAY = 20_454
"""2026-01-01, in Unix days: matters only where Date is missing and Expires has a year of two digits."""


def may_store(method: str, asked: Mapping[bytes, bytes], status: int, fields: Fields) -> bool:
    """Whether a response may be stored (§3), and storing it has a use.

    Choices: answers to GET only, complete ones (no 206). One with Set-Cookie is stored, without that field, only where
    its origin says that it is for all: `public`, `s-maxage` or a CDN-Cache-Control with a lifetime. What is neither
    fresh nor can be validated or served stale is not stored.
    """
    if method != "GET" or status < 200 or status in (206, 304) or variants.names(fields) is None:
        return False
    if b"no-store" in of_request(asked):
        return False
    own = of_fields(tuple(fields), _SOME_DAY)
    if not _origin_allows(own, status, fields):
        return False
    if b"authorization" in asked and not own.shared:
        return False
    if any(name == b"set-cookie" for name, _ in fields) and not _for_all(own):
        return False
    return _has_use(own, status)


def _origin_allows(own: Terms, status: int, fields: Fields) -> bool:
    said = own.directives
    understood = status in _UNDERSTOOD
    if b"must-understand" in said:
        if not understood:
            return False
    elif b"no-store" in said:
        return False
    if b"private" in said and not names(said[b"private"]):
        return False
    hidden = _hidden(own)
    if not hidden.isdisjoint(_GOVERNING) and any(name in hidden for name, _ in fields):
        return False
    return own.explicit is not None or own.expires is not None or b"public" in said or status in HEURISTIC


def _for_all(own: Terms) -> bool:
    return b"public" in own.directives or own.by_shared_lifetime or (own.targeted and own.explicit is not None)


def _has_use(own: Terms, status: int) -> bool:
    if own.etag is not None or own.modified is not None:
        return True
    if own.unusable:
        return False
    return lifetime_by(own, status, 0.0) > 0 or own.while_revalidate > 0 or (own.if_error or 0) > 0


def _hidden(own: Terms) -> frozenset[bytes]:
    """Fields that may go to one client alone (§5.2.2.7), or to others only after a validation (§5.2.2.4)."""
    said = own.directives
    return names(said.get(b"private")) | names(said.get(b"no-cache"))


def stored(
    asked: Mapping[bytes, bytes], status: int, fields: Fields, body: bytes, *, requested: float, received: float
) -> Stored:
    """What is kept of a response: fields of the connection, those that `private` or `no-cache` names, and Set-Cookie
    are left out; a Date that is missing or is none becomes the time of receipt (RFC 9110 §6.6.1).

    `requested` and `received` are Unix seconds: when the request was sent, and when the head of its answer arrived.
    """
    own = of_received(fields, received)
    kept = storable(fields, own, received)
    return Stored(
        status=status,
        fields=kept,
        body=body,
        requested=born(fields, own, requested),
        received=received,
        selecting=variants.selecting(variants.names(kept) or (), asked),
    )


def for_one(fields: Fields) -> bool:
    """Whether fields of a response are for its first client alone, and so not in what is stored."""
    hidden = _hidden(of_fields(tuple(fields), 0)) | {b"set-cookie"}
    return any(name in hidden for name, _ in fields)


def storable(fields: Fields, own: Terms, received: float) -> tuple[Field, ...]:
    """The fields of a response with the terms `own` that are kept, with a Date."""
    hidden = _hidden(own)
    named = {name.strip(b" \t").lower() for key, value in fields if key == b"connection" for name in value.split(b",")}
    left_out = _LEFT_OUT | hidden | named if hidden or named else _LEFT_OUT
    if own.date is None:
        left_out = left_out | {b"date"}
    kept = tuple(field for field in fields if field[0] not in left_out)
    return kept if own.date is not None else (*kept, (b"date", http_date(received).encode()))


def born(fields: Iterable[Field], own: Terms, requested: float) -> float:
    """Unix seconds from which a response's age counts: all of RFC 9111 §4.2.3 but the current time.

    corrected_age_value counts from `requested` less Age, apparent_age from Date; the older of the two is right. An Age
    that is no number is ignored (§5.1), as is what follows its first member.
    """
    first = next((value for name, value in fields if name == b"age"), b"")
    since = requested - (delta_seconds(first.split(b",")[0].strip(b" \t")) or 0)
    return since if own.date is None else min(since, own.date)
