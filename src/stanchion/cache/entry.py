"""What is kept of a response, in memory and in the tiers beyond it."""

from msgspec import Struct

Field = tuple[bytes, bytes]
"""A response field: its name in lower case, and its value."""


class Stored(Struct, frozen=True, kw_only=True, eq=False):
    """One stored response (RFC 9111 §3): immutable, so that readers of one process share it."""

    status: int
    fields: tuple[Field, ...]
    """As received, without those of the connection (RFC 9111 §3.1), Age and Content-Length; repeated ones repeat."""
    body: bytes
    requested: float
    """Unix seconds from which its age counts (RFC 9111 §4.2.3): when the request for it was sent, less the Age that it
    came with; Date where that is earlier (`rules.storing.born`)."""
    received: float
    """Unix seconds when its head arrived (response_time)."""
    selecting: tuple[tuple[bytes, bytes | None], ...] = ()
    """The request's fields that Vary names, normalised; None for one that was absent."""
    generations: tuple[tuple[int, int], ...] = ()
    """Cell and generation of each of its tags when its origin was asked: it is valid while they are the same."""
    lifetime: float | None = None
    """Seconds it is fresh for, where a declaration says so; else its fields do."""
    stale: float | None = None
    """Seconds after that in which it may be served while it is revalidated, where a declaration says so."""
    stale_if_error: float | None = None
    """Seconds after its freshness in which it may stand in for an origin that fails, where a declaration says so."""
    encodings: dict[str, bytes] = {}
    """The body in content codings, by name, made when it was stored."""
