"""What the cells of a tally mean, by its kind: the one who counts and the one who shows agree on them here."""

from enum import IntEnum

LIMIT = "limit"
"""The kind of the tallies of rate limits."""

CACHE = "cache"
"""Of what was asked of a cache, all its tiers together."""

CACHE_TIER = "cache tier"
"""Of one tier of the caches; its name is `memory`, `machine`, `redis` or `memcached`."""

BULKHEAD = "bulkhead"
"""Of what `concurrency=` bounds."""

DEPENDENCY = "dependency"
"""Of what an app calls."""

POOL = "pool"
"""Of the pools `threads` and `processes`."""


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


class CacheCell(IntEnum):
    """Cells of a cache's tally and of a tier's; each only grows. What a tier holds is the gauge `CACHE_BYTES`."""

    HITS = 0
    """Answered by an entry that is fresh. Of a tier: it had the entry, whatever became of it."""
    STALE = 1
    """Answered by one that is not: while it is revalidated, or for an origin that failed."""
    MISSES = 2
    """The origin was asked. Of a tier: the next one was."""
    COALESCED = 3
    """Waited for what another had asked for. With the three above it counts every look-up once."""
    REVALIDATED = 4
    """Entries that the origin said are still good."""
    STORED = 5
    EVICTED = 6
    """Entries that had to make room for others."""
    FAILED = 7
    """Calls of the origin, or of a tier's server, that failed or were kept back because those before had."""


class BulkheadCell(IntEnum):
    """Cells of a bulkhead's tally; each only grows."""

    SERVED = 0
    REFUSED = 1


class DependencyCell(IntEnum):
    """Cells of a dependency's tally; each only grows."""

    CALLED = 0
    """Attempts that the breaker let out."""
    FAILED = 1
    """Those among them that failed."""
    REFUSED = 2
    """Calls that the breaker kept back."""
    RETRIED = 3
    """Attempts after the first."""
    RETRY_DENIED = 4
    """Retries and second attempts there was no budget for."""
    HEDGED = 5
    """Second attempts beside a slow first."""


class PoolCell(IntEnum):
    """Cells of a pool's tally; each only grows."""

    DONE = 0
    REFUSED = 1
    """Calls turned away because the pool's queue was full."""
    CRASHED = 2
    """Processes that died at work, or were killed because a call's deadline had passed."""
