"""How old a stored response is, and how long it is fresh (RFC 9111 §4.2)."""

from stanchion.cache.entry import Stored
from stanchion.cache.rules.terms import lifetime_by, terms


def lifetime(stored: Stored) -> float:
    """Seconds it is fresh for, from its origin's making it (§4.2.1); a declared lifetime wins over its fields."""
    if stored.lifetime is not None:
        return stored.lifetime
    return lifetime_by(terms(stored), stored.status, stored.received)


def age(stored: Stored, now: float) -> float:
    """Seconds since its origin made or validated it (§4.2.3).

    `Stored.requested` holds the whole of the correction: see `storing.born`.
    """
    return max(0.0, now - stored.requested)


def staleness(stored: Stored, now: float) -> float:
    """Seconds it has been stale for; negative while it is fresh."""
    return age(stored, now) - lifetime(stored)
