"""The answer that a stored response makes: whole, not modified, or a part (RFC 9111 §4, §4.3.2; RFC 9110 §13, §14)."""

from collections.abc import Mapping

from msgspec import Struct

from stanchion.cache.entry import Field, Stored
from stanchion.cache.rules.freshness import age
from stanchion.cache.rules.terms import terms
from stanchion.errors import HTTPError
from stanchion.http.conditional import Validators, precondition, range_applies
from stanchion.http.ranges import byte_range

_CONDITIONS = (b"if-none-match", b"if-modified-since", b"range")
_IN_304 = frozenset(
    b"age cache-control cdn-cache-control content-location date etag expires last-modified vary cache-status"
    b" access-control-allow-origin access-control-allow-credentials access-control-expose-headers".split()
)
"""RFC 9110 §15.4.5; besides those, what a browser applies to the 304 itself."""


class Answer(Struct, frozen=True):
    """A response made from a stored one."""

    status: int
    fields: tuple[Field, ...]
    """With Age; Content-Length only where the body does not tell it (HEAD)."""
    body: bytes


def answer(method: str, asked: Mapping[bytes, bytes], stored: Stored, now: float) -> Answer:
    """The answer to GET or HEAD, at `now` (Unix seconds): 200 (or what was stored), 206, 304 or 416.

    Conditions are evaluated by the stored validators, and only where a 200 is stored (RFC 9110 §13.2.1). `body` is the
    stored one, never one of `stored.encodings`; of several ranges the whole is sent.
    """
    fields = (*stored.fields, (b"age", b"%d" % age(stored, now)))
    if stored.status == 200 and not asked.keys().isdisjoint(_CONDITIONS):
        special = _not_modified(asked, stored, fields) or _part(method, asked, stored, fields)
        if special is not None:
            return special
    if method == "HEAD":
        return Answer(stored.status, (*fields, (b"content-length", b"%d" % len(stored.body))), b"")
    return Answer(stored.status, fields, stored.body)


def _not_modified(asked: Mapping[bytes, bytes], stored: Stored, fields: tuple[Field, ...]) -> Answer | None:
    own = terms(stored)
    date = own.modified if own.modified is not None else own.date  # §4.3.2: Date, else the time of receipt
    validators = Validators(_etag(stored), int(stored.received) if date is None else date)
    own_conditions = {name: asked[name] for name in (b"if-none-match", b"if-modified-since") if name in asked}
    if precondition("GET", own_conditions, validators) != 304:
        return None
    return Answer(304, tuple(field for field in fields if field[0] in _IN_304), b"")


def _part(method: str, asked: Mapping[bytes, bytes], stored: Stored, fields: tuple[Field, ...]) -> Answer | None:
    if method != "GET" or b"range" not in asked:
        return None
    condition = asked.get(b"if-range")
    if condition is not None and not range_applies(condition, Validators(_etag(stored), terms(stored).modified)):
        return None
    size = len(stored.body)
    try:
        part = byte_range(asked[b"range"], size)
    except HTTPError:
        return Answer(416, ((b"content-range", b"bytes */%d" % size), fields[-1]), b"")
    if part is None:
        return None
    start, count = part
    own = tuple(field for field in fields if field[0] != b"content-range")
    placed = (b"content-range", b"bytes %d-%d/%d" % (start, start + count - 1, size))
    return Answer(206, (*own, placed), stored.body[start : start + count])


def _etag(stored: Stored) -> str | None:
    tag = terms(stored).etag
    return None if tag is None else tag.decode("latin-1")
