"""How many requests may be in flight, from how long they take and how late the event loop is.

The estimate is Gradient2 of Netflix's concurrency-limits: the limit shrinks by the ratio of what latency is in the long
run to what it is now, and grows by a headroom of its square root while latency stays. It differs in three things. Each
route is compared with its own past, for a change in the mix of quick and slow routes is no change of latency. Windows
are closed by the clock, not by counting samples. And the loop's lag, which is this process's own saturation and
nobody else's, lowers the limit at once.
"""

from collections.abc import Hashable
from math import sqrt

_SMOOTHING = 0.2
_TOLERANCE = 1.5
"""Latency may be this many times that of the long run before the limit shrinks."""
_STEEPEST = 0.5
"""The most a window takes away, so that one outlier does little."""
_LONG = 30
"""Windows the long run is averaged over. At 600, as in Gradient2 (by samples), a dependency that became ten times
slower for good kept the limit down for a minute; at 30 windows of 0.1 s it is taken for granted after 3 s."""


class GradientLimit:
    """The limit of one worker: `sample` each that has ended, `close` a window about every 0.1 s."""

    __slots__ = ("_estimate", "_least", "_long", "_most", "_sums", "_tolerated_lag", "limit")

    def __init__(self, *, initial: int, least: int, most: int, tolerated_lag: float) -> None:
        """`tolerated_lag` in seconds: over it the loop counts as saturated by what is in flight."""
        self._estimate = float(initial)
        self._least = least
        self._most = most
        self._tolerated_lag = tolerated_lag
        self._sums: dict[Hashable, list[float]] = {}
        self._long: dict[Hashable, float] = {}
        self.limit = initial

    def __repr__(self) -> str:
        return f"<GradientLimit {self.limit}, from {self._least} to {self._most}>"

    def statistics(self) -> dict[str, float]:
        """The limit, and the routes whose latency is known."""
        return {"limit": self.limit, "routes": len(self._long)}

    def sample(self, route: Hashable, seconds: float) -> None:
        """A request of `route` took `seconds` from its start, waiting for it not counted."""
        sums = self._sums.get(route)
        if sums is None:
            self._sums[route] = [1.0, seconds]
        else:
            sums[0] += 1.0
            sums[1] += seconds

    def close(self, *, in_flight: int, lag: float) -> int:
        """End a window in which at most `in_flight` ran and the loop was `lag` seconds late; returns the new limit.

        A limit that is not half used stays: nothing shows whether it would be too high.
        """
        slower = self._slower()
        estimate = self._estimate
        if in_flight >= estimate / 2:
            if lag > self._tolerated_lag:
                # what is in flight makes the lag, so that is what shrinks; no smoothing, clients are waiting
                estimate = min(estimate, in_flight) * max(_STEEPEST, self._tolerated_lag / lag)
            else:
                gradient = max(_STEEPEST, _TOLERANCE / max(slower, _TOLERANCE))
                estimate += _SMOOTHING * (estimate * gradient + max(4.0, sqrt(estimate)) - estimate)
            self._estimate = max(self._least, min(self._most, estimate))
            self.limit = int(self._estimate)
        return self.limit

    def _slower(self) -> float:
        """How many times its usual latency the window's requests took, each route weighed by its requests."""
        count = ratios = 0.0
        for route, (samples, seconds) in self._sums.items():
            short = seconds / samples
            long = self._long.get(route, short)
            if long > 2 * short:
                long *= 0.95  # overload is over: back to what is usual sooner than averaging would
            self._long[route] = long + (short - long) / _LONG
            count += samples
            ratios += samples * (short / long if long else 1.0)
        self._sums.clear()
        return ratios / count if count else 1.0
