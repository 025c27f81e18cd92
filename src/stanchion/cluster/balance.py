"""Which worker has too many connections, and who takes them.

The kernel spreads new connections by a hash, that is by chance: of 64 connections on 8 workers the busiest has 12 on
average instead of 8, and its clients wait for the others'. So a worker that gets one and has clearly more than its
share hands it on before it has cost anything, and one that has come to have more for other reasons (workers restarted,
clients gone) moves idle connections a few at a time.

Rejected: to even out to the last connection, which would move every second arrival for a difference nobody can measure.
"""

from collections.abc import Sequence

TOLERATED = 1.1
"""Share of the mean up to which a fresh connection stays where it is."""
CLEARLY_MORE = 1.15
"""Share of the mean above which connections that are already served are moved."""
_LEAST_SURPLUS = 4
_MOST_MOVED = 64

Counts = Sequence[int | None]
"""Connections of each worker; None for one that does not serve."""


def recipient(counts: Counts, mine: int) -> int | None:
    """Index of the worker to hand a fresh connection to, or None to keep it; `counts[mine]` includes it.

    It goes to the one with fewest, if that has at least two fewer: after that neither has more than the other had. Of
    several with as few it is the next one after `mine`, so that workers that hand on at one time choose differently.
    """
    own = counts[mine]
    serving = [count for count in counts if count is not None]
    if own is None or own * len(serving) <= TOLERATED * sum(serving):
        return None
    least = min(serving)
    if own - least < 2:
        return None
    return counts.index(least, mine + 1) if least in counts[mine + 1 :] else counts.index(least)


def surplus(counts: Counts, mine: int) -> int:
    """How many idle connections a worker should move now; asked once a second.

    Half of what it has over the mean at most: all who have too many move some at the same time, knowing only the same
    old counts, and must not fill those who have fewer beyond the mean.
    """
    own = counts[mine]
    serving = [count for count in counts if count is not None]
    if own is None:
        return 0
    mean = sum(serving) / len(serving)
    over = own - mean
    if own <= CLEARLY_MORE * mean or over < _LEAST_SURPLUS:
        return 0
    return min(_MOST_MOVED, int(over / 2))
