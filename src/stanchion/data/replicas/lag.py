"""How far a replica is behind, in seconds, by where the log was when. No server's clock is trusted, nor one's load: a
primary that nobody writes to leaves nobody behind, where `now() - pg_last_xact_replay_timestamp()` would grow."""

from bisect import bisect_right
from math import inf


class History:
    """The newest position known, and when it was which; seconds of one clock, passed in."""

    def __init__(self, horizon: float) -> None:
        """`horizon` is how many seconds back it tells; older is infinitely old."""
        self._horizon = horizon
        self._positions: list[int] = []
        self._times: list[float] = []

    def __repr__(self) -> str:
        return f"<History of {len(self._positions)} positions>"

    def saw(self, position: int, when: float) -> None:
        """A server was at a position, and was asked `when`: what had been committed by then is before it. What is
        older than what is known tells nothing."""
        positions, times = self._positions, self._times
        if positions and (position < positions[-1] or when < times[-1]):
            return
        if positions and position == positions[-1]:
            times[-1] = when
        else:
            positions.append(position)
            times.append(when)
        if times[0] < when - self._horizon:
            old = bisect_right(times, when - self._horizon) - 1
            del positions[:old], times[:old]

    def lag(self, position: int) -> float:
        """Seconds between the newest that is known and the last time when it was all before `position`.

        It does not grow while nobody knows of anything newer: a primary that is down makes no replica older.
        """
        known = bisect_right(self._positions, position)
        if known == len(self._positions):
            return 0.0
        return self._times[-1] - self._times[known - 1] if known else inf

    def forget(self) -> None:
        """There is a new primary: its log may have less in it than the old one's had."""
        self._positions.clear()
        self._times.clear()
