"""How long statements wait, and how many."""

from msgspec import Struct

from stanchion.deadline import remaining

_LAST_WORD = 0.01


class Limits(Struct, frozen=True, kw_only=True):
    """What a driver keeps to, besides the number of its connections."""

    waiting: int
    """Statements that may wait for a connection."""
    patience: float
    """Seconds to wait for one, and for a statement, where the request has no deadline that is earlier."""

    def patience_now(self) -> float:
        """Seconds that the running request may wait for a connection: till just before its deadline, so that there is
        time to say that there was none."""
        left = remaining()
        return self.patience if left is None else min(max(0.0, left - _LAST_WORD), self.patience)
