"""One server of several: what it says of itself, and what asking it costs."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from time import monotonic

from stanchion.data.limits import Limits
from stanchion.data.postgres.driver import Postgres
from stanchion.data.postgres.pool import redacted
from stanchion.data.replicas.roles import State

_log = logging.getLogger("stanchion.data")

CHECK_TIMEOUT = 1.0
"""Seconds in which a server has to say what it is."""
_MISSES = 2
"""Checks in a row after which a server that misses them is given up: one alone may be a pause, and without a primary
there are no writes. A replica gets no reads from the first on, for others can answer them."""
_LATENCIES = 8
"""Checks whose least latency counts: what the others took longer is the lag of this process, more often than not."""
_NOISE = 1e-3
"""Seconds of latency that are all the same: else, of two, all workers would read from the one that is 0.1 ms nearer."""
_STATE = """
SELECT recovering,
    CASE WHEN recovering THEN coalesce(pg_last_wal_replay_lsn(), '0/0') ELSE pg_current_wal_flush_lsn() END,
    CASE WHEN recovering THEN coalesce((SELECT received_tli FROM pg_stat_wal_receiver), 0)
        ELSE ('x' || left(pg_walfile_name(pg_current_wal_flush_lsn()), 8))::bit(32)::int END,
    (SELECT system_identifier FROM pg_control_system())
FROM pg_is_in_recovery() AS recovering
"""
"""`flush`, for it ends where records end, as what is replayed does. `insert` is beyond the header of a page that nobody
has begun, so that replicas of an idle primary would be behind for ever."""


class Node:
    """One server by its URL. `driver` has its connections but one, which is kept to ask how it is doing: a pool that is
    exhausted, or waits for a server that is gone, would keep that waiting as well."""

    def __init__(
        self, url: str, limits: Limits, *, prepared: bool, label: str, clock: Callable[[], float] = monotonic
    ) -> None:
        self.driver = Postgres(url, limits, prepared=prepared, label=label)
        self.place = redacted(url).rpartition("@")[2]
        self.state: State | None = None
        """As of the last check that was answered; None once several were not."""
        self.position = 0
        """As of then."""
        self.answers = False
        """The last check was answered, and no statement has lost its connection since."""
        self.error: Exception | None = None
        """Why it was not."""
        self.lag = inf
        """Seconds; see `History`."""
        self.busy = 0
        """Reads under way."""
        self.begun = 0
        """Reads that there have been."""
        self._watch = Postgres(url, Limits(waiting=1, patience=CHECK_TIMEOUT), prepared=prepared, label=label)
        self._clock = clock
        self._latencies: deque[float] = deque((0.0,), maxlen=_LATENCIES)
        self._missed = 0

    def __repr__(self) -> str:
        kind = "does not answer" if self.state is None else "replica" if self.state.recovering else "primary"
        return f"<Node {self.place}: {kind}, {self.busy} reads under way>"

    async def open(self, connections: int) -> None:
        """Have up to `connections`, two at the least."""
        await self.driver.open(connections - 1)
        await self._watch.open(1)

    def resize(self, connections: int) -> None:
        """Have another number, of which one goes on watching."""
        self.driver.resize(max(1, connections - 1))

    async def close(self) -> None:
        """Close all."""
        await self._watch.close()
        await self.driver.close()

    async def check(self) -> float:
        """Ask the server how it is doing; returns when it was asked."""
        asked = self._clock()
        try:
            async with asyncio.timeout(CHECK_TIMEOUT):
                recovering, position, timeline, cluster = (await self._watch.fetch(_STATE, ())).rows[0]
        except Exception as error:  # whatever the reason is, it cannot be used
            self._miss(error)
        else:
            if self.answers:  # else there was a connection to be made
                self._latencies.append(self._clock() - asked)
            self.state = State(recovering, position, timeline, cluster)
            self.position = position
            self.answers = True
            self.error = None
            self._missed = 0
        return asked

    def _miss(self, error: Exception) -> None:
        self.error = error
        self._missed += 1
        if self._missed == 1:
            _log.warning("database server %s does not answer: %s", self.place, error or type(error).__name__)
        self.answers = False
        if self._missed == _MISSES:
            self.state = None
            self.driver.break_off()

    @contextmanager
    def asked(self) -> Iterator[None]:
        """A read is under way for as long as the block lasts."""
        self.busy += 1
        self.begun += 1
        try:
            yield
        finally:
            self.busy -= 1

    @property
    def cost(self) -> float:
        """What asking it costs: reads under way by how long it takes to answer a check. Not by how long reads take: a
        report would make it slow, and one that gets none would never be found to be quick again."""
        return (self.busy + 1) * max(min(self._latencies), _NOISE)
