"""Whether a stored response may answer a request (RFC 9111 §4, §4.2.4, §5.2.1; RFC 5861).

Not decided here: that it is for the same URL (the key), and that it is the right variant (`variants.selects`).
"""

from collections.abc import Mapping
from enum import Enum

from stanchion.cache.entry import Stored
from stanchion.cache.rules.directives import Directives, of_request, seconds
from stanchion.cache.rules.freshness import age, staleness
from stanchion.cache.rules.terms import Terms, lifetime_by, terms

DISCONNECTED = 600.0
"""Seconds that a response may be stale and still stand in for an origin that cannot be reached, where nobody said
(§4.2.4 allows it and sets no limit): a deployment or a restart of the origin, not a day of it."""


class Use(Enum):
    """What to do with a stored response that a request selects."""

    FRESH = "fresh"
    """Answer with it."""
    STALE = "stale"
    """Answer with it, and validate it behind the answer."""
    VALIDATE = "validate"
    """Ask its origin whether it still holds (`validation.conditional`)."""
    FETCH = "fetch"
    """Send the request on as if nothing were stored."""


def use(asked: Mapping[bytes, bytes], stored: Stored, now: float) -> Use:
    """What to do with `stored` for a request with the fields `asked`, at `now` (Unix seconds).

    Choices: all directives of a request are honoured; `no-store` goes past the cache. A request with Authorization gets
    only what is for all (§3.5), stored for whomever: an origin may answer those who sign in otherwise. Preconditions
    that are for an origin alone go there (§4.3.2).
    """
    own = terms(stored)
    if b"authorization" in asked and not own.shared:
        return Use.FETCH
    if b"if-match" in asked or b"if-unmodified-since" in asked:
        return Use.FETCH
    wishes = of_request(asked)
    if b"no-store" in wishes:
        return Use.FETCH
    lifetime = lifetime_by(own, stored.status, stored.received) if stored.lifetime is None else stored.lifetime
    old = age(stored, now)
    fresh_for = lifetime - old
    if not own.unusable and not (wishes and _denied(wishes, old, fresh_for)):
        if fresh_for > 0:
            return Use.FRESH
        if -fresh_for < _while_revalidate(own, stored) or (wishes and _bears(wishes, own, -fresh_for)):
            return Use.STALE
    return Use.FETCH if own.etag is None and own.modified is None else Use.VALIDATE


def _denied(wishes: Directives, age: float, fresh_for: float) -> bool:
    """Whether the client refuses what is otherwise usable: no-cache, max-age, min-fresh (§5.2.1)."""
    if b"no-cache" in wishes:
        return True
    oldest = seconds(wishes, b"max-age")
    if oldest is not None and age > oldest + _more(wishes):
        return True
    wanted = seconds(wishes, b"min-fresh")
    return wanted is not None and fresh_for < wanted


def _more(wishes: Directives) -> float:
    """Seconds of staleness that the client accepts (max-stale, §5.2.1.2); without a number, any."""
    if b"max-stale" not in wishes:
        return 0.0
    return float("inf") if wishes[b"max-stale"] is None else seconds(wishes, b"max-stale") or 0


def _bears(wishes: Directives, own: Terms, stale_for: float) -> bool:
    """Whether max-stale covers it, and the response does not forbid its use when stale (§4.2.4)."""
    return not (own.strict or own.by_shared_lifetime) and stale_for <= _more(wishes)


def _while_revalidate(own: Terms, stored: Stored) -> float:
    """Seconds after its freshness in which it may be served at once. Beside s-maxage an explicit stale-while-revalidate
    counts (RFC 5861 §3), since both are said to the same cache; must-revalidate forbids it."""
    if own.strict:
        return 0.0
    return own.while_revalidate if stored.stale is None else stored.stale


def stale_for(stored: Stored) -> float:
    """Seconds after its freshness for which `use` says STALE to the requests that `fresh_for` is about."""
    own = terms(stored)
    return 0.0 if own.unusable else _while_revalidate(own, stored)


def may_stand_in(
    asked: Mapping[bytes, bytes], stored: Stored, now: float, *, answered: bool = False, longest: float = DISCONNECTED
) -> bool:
    """Whether it may be served although its origin failed (§4.2.4, §4.3.3, RFC 5861 §4).

    With stale-if-error, declared or by the response, for that long. Without, only where the origin could not be reached
    (not `answered`), for `longest` seconds after its freshness, and not where its lifetime is s-maxage (§5.2.2.10). A
    client that asks for a validation does not get it.
    """
    own = terms(stored)
    if own.strict or (b"authorization" in asked and not own.shared):
        return False
    wishes = of_request(asked)
    if not wishes.keys().isdisjoint((b"no-cache", b"no-store")):
        return False
    explicit = own.if_error if stored.stale_if_error is None else stored.stale_if_error
    if explicit is None and (answered or own.by_shared_lifetime):
        return False
    late = staleness(stored, now)
    if wishes and _denied(wishes, age(stored, now), -late):
        return False
    return late <= (longest if explicit is None else explicit)


def only_if_cached(asked: Mapping[bytes, bytes]) -> bool:
    """Whether the client wants 504 rather than an answer that takes the origin (§5.2.1.7)."""
    return b"only-if-cached" in of_request(asked)


def fresh_for(stored: Stored, now: float) -> float:
    """Seconds for which `use` says FRESH to every request without Cache-Control, Pragma, Authorization, If-Match and
    If-Unmodified-Since; 0 or less where it does not now."""
    return 0.0 if terms(stored).unusable else -staleness(stored, now)
