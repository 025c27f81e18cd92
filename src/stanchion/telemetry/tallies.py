"""What the cells of a tally mean, by its kind: the one who counts and the one who shows agree on them here."""

from enum import IntEnum

LIMIT = "limit"
"""The kind of the tallies of rate limits."""


class LimitCell(IntEnum):
    """Cells of a rate limit's tally; each only grows."""

    ALLOWED = 0
    REFUSED = 1
    QUEUED = 2
    """Allowed after a wait. With the two above it counts every request once."""
    STORE_FAILED = 3
    """Requests, among those above, that the store could not decide on."""
    FORGOTTEN = 4
    """Clients whose state had to make room for another's."""
    LEASED = 5
    """Tokens taken from a store in advance."""
    SETTLED = 6
    """Tokens of those that were spent or given back."""
