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

DATABASE = "database"
"""Of an app's databases, all statements together."""

DATABASE_POOL = "database pool"
"""Of their connections, as they are now: gauges, of the workers that live."""

REPLICATION = "replication"
"""Of those that have replicas."""

STATEMENT = "statement"
"""Of the statements of one verb and table; its name is database, verb and table, with a space between."""

TRACES = "traces"
"""Of the spans that requests and their parts have made."""

POOL = "pool"
"""Of the pools `threads` and `processes`."""

GAUGES = frozenset({DATABASE_POOL})
"""Kinds whose cells are what is, not what has been: they end with their worker."""


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


class TraceCell(IntEnum):
    """Cells of the spans' tally, by what became of them; each only grows."""

    SENT = 0
    FAILED = 1
    """The collector has not taken them."""
    DROPPED = 2
    """The queue was full, or the worker's time was up."""


class PoolCell(IntEnum):
    """Cells of a pool's tally; each only grows."""

    DONE = 0
    REFUSED = 1
    """Calls turned away because the pool's queue was full."""
    CRASHED = 2
    """Processes that died at work, or were killed because a call's deadline had passed."""


class DatabaseCell(IntEnum):
    """Cells of a database's tally; each only grows."""

    STATEMENTS = 0
    """Sent, or given up while they waited for a connection."""
    BATCHES = 1
    """Those among them with the keys or rows of several calls."""
    REFUSED = 2
    """Those that got no connection: all were in use until the deadline, or too many waited."""
    FAILED = 3
    """Those that could not reach the database, or that it did not understand."""
    TIMED_OUT = 4
    """Those that were cancelled, at their deadline or because nobody waited any more."""
    REPEATED = 5
    """Statements that one request has asked too often, one after the other (N+1)."""
    MICROSECONDS = 6
    """Of all of them."""
    WAITED = 7
    """Microseconds of these that were for a connection."""


class DatabasePoolCell(IntEnum):
    """Cells of a database's connections."""

    CONNECTIONS = 0
    """Open."""
    IN_USE = 1
    WAITING = 2
    """Statements that wait for one."""
    REPLICAS = 3
    """That are read from."""


class ReplicationCell(IntEnum):
    """Cells of what has become of a database's replicas; each only grows."""

    REPLICA_READS = 0
    """That replicas have answered."""
    PASSED_ON = 1
    """Reads that a replica could not answer, and the primary was asked."""
    EJECTED = 2
    """Times that a replica was left out."""
    SWITCHED = 3
    """Times that another server became the primary."""


class StatementCell(IntEnum):
    """Cells of a verb's and table's tally; each only grows."""

    RAN = 0
    ROWS = 1
    """Returned or changed."""
    FAILED = 2
    REPEATED = 3
    """As `DatabaseCell.REPEATED`."""
    MICROSECONDS = 4
    WAITED = 5
