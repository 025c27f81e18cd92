"""Who is the primary: arithmetic, no I/O."""

from collections.abc import Sequence
from typing import NamedTuple


class State(NamedTuple):
    """What a server says of itself."""

    recovering: bool
    """It replays another's log: a replica."""
    position: int
    """Up to where it has replayed, or, a primary, written its log to disk."""
    timeline: int
    """Of the log that a primary writes, or that a replica receives; 0 where a replica does not say. Each promotion
    begins one with a higher number."""
    cluster: int
    """The number that a primary and its replicas have in common."""


def primary_among(states: Sequence[State | None], current: int | None, newest: int) -> int | None:
    """The place of the primary; None where nobody is.

    `states` are None for servers that do not answer, `current` is who was it last, and `newest` the highest timeline
    that a primary has ever had. An old primary that comes back after a promotion still takes writes, but nobody
    replicates them: its timeline tells.
    """
    found: int | None = None
    best = (newest, False)
    for place, state in enumerate(states):
        if state is None or state.recovering or state.timeline < newest:
            continue
        rank = (state.timeline, place == current)
        if found is None or rank > best:
            found, best = place, rank
    return found
