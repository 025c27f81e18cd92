"""How long statements wait, and how many."""

from msgspec import Struct

from stanchion.deadline import remaining

_LAST_WORD = 0.01


def time_left() -> float | None:
    """Seconds until just before the running request's deadline, so that there is time to say what was late; None
    without one."""
    left = remaining()
    return None if left is None else max(0.0, left - _LAST_WORD)


class Limits(Struct, frozen=True, kw_only=True):
    """What a driver keeps to, besides the number of its connections."""

    waiting: int
    """Statements that may wait for a connection."""
    patience: float
    """Seconds to wait for one, and for a statement, where the request has no deadline that is earlier."""

    def patience_now(self) -> float:
        """Seconds that the running request may wait for a connection."""
        left = time_left()
        return self.patience if left is None else min(left, self.patience)
