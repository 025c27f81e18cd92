"""Spaces out what starts while the event loop is late, so that what started together does not come back together.

Tasks that await for equally long and then compute meet again at each turn: twenty of them compute one after the other
while nobody's answer is read, then all wait, and the loop is idle. At 50 ms of waiting and 2 ms of computing, such a
convoy left half of the core unused while the loop's lag forbade to let more in. Starts that are spread as evenly as
answers come disperse it, as pacing does with the packets of a TCP window (Aggarwal et al., INFOCOM 2000).
"""

_GAIN = 2
"""Starts, as a multiple of what ended in the last window: over 1, so that the pace does not limit what it follows."""


class Pacing:
    """All times are nanoseconds of one clock. At rest, nothing is held back."""

    __slots__ = ("_burst", "_due", "interval")

    def __init__(self, *, burst: int) -> None:
        """`burst`: starts that would have been due within so long may be made up for at once."""
        self._burst = burst
        self._due = 0
        self.interval = 0
        """Between two starts; 0 at rest."""

    def __repr__(self) -> str:
        return f"<Pacing {self.statistics()}>"

    def statistics(self) -> dict[str, int]:
        """The interval in nanoseconds."""
        return {"interval": self.interval}

    def follow(self, *, ended: int, limit: int, elapsed: int) -> None:
        """Pace what starts from now on by what ended in the last `elapsed` nanoseconds; all of the limit may start in
        as long, whatever ended."""
        self.interval = elapsed // max(limit, _GAIN * ended)

    def rest(self) -> None:
        """Hold nothing back."""
        self.interval = 0

    def take(self, now: int) -> bool:
        """Whether one more may start now, which then counts."""
        if not self.interval:
            return True
        if self._due > now:
            return False
        self._due = max(self._due, now - self._burst) + self.interval
        return True
