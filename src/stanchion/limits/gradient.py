"""How many requests may be in flight, from how long they take and how late the event loop is.

The estimate is Gradient2 of Netflix's concurrency-limits: the limit shrinks by the ratio of what latency is in the long
run to what it is now, and grows by a headroom of its square root while latency stays. It differs in four things. Each
route is compared with its own past, for a change in the mix of quick and slow routes is no change of latency. Windows
are closed by the clock, not by counting samples. The loop's lag, which is this process's own saturation and nobody
else's, lowers the limit at once. And it starts low and doubles until there is a sign of trouble, as TCP does (RFC 5681
§3.1), and again when it has not been used for a while (RFC 7661): what nobody has tried is not known to be good.

Two things are no signs. A late window in which this thread computed little, unless it is one of several: another
process had the processor, and fewer requests in flight would not have helped. And a delay that the loop may make at any
time: a route of 0.1 ms that takes 1 ms is no ten times slower dependency. Before, a machine that stuttered while the
limit was still doubling had half of a slow route's requests turned away for a second.
"""

from collections.abc import Hashable
from math import sqrt

_SMOOTHING = 0.2
_TOLERANCE = 1.5
"""Latency may be this many times that of the long run before the limit shrinks."""
_STEEPEST = 0.5
"""The most a window takes away, so that one outlier does little."""
_HEADROOM = 10
"""Requests by which it grows, smoothed, but not more than a third of itself: with the mere square root, the limit of
tasks of 50 ms took a second more to come back after its first descent, which overshoots."""
_NOISE = 4
"""Latency is taken to be at least this many times the tolerated lag: one round of the loop may be long by chance."""
_BUSY = 0.5
"""Part of a window's time that the loop's thread has to have computed for its lag to count at once. A blocking call in
a handler makes lag without computing: that counts where windows in a row show it."""
_EXCUSED = 2
"""So many windows in a row are late without computing before that counts."""
_LONG = 30
"""Windows the long run is averaged over. At 600, as in Gradient2 (by samples), a dependency that became ten times
slower for good kept the limit down for a minute; at 30 windows of 0.1 s it is taken for granted after 3 s. A limit that
was not half used for as long is forgotten."""


class GradientLimit:
    """The limit of one worker: `sample` each that has ended, `close` a window about every 0.1 s."""

    __slots__ = (
        "_estimate",
        "_initial",
        "_late",
        "_least",
        "_long",
        "_most",
        "_peak",
        "_sums",
        "_tolerated_lag",
        "_unused",
        "limit",
        "stalled",
        "starting",
    )

    def __init__(self, *, initial: int, least: int, most: int, tolerated_lag: float) -> None:
        """`tolerated_lag` in seconds: over it the loop counts as saturated by what is in flight."""
        self._estimate = float(initial)
        self._initial = initial
        self._late = 0  # windows in a row
        self.stalled = False
        """Whether the last window was late, and that is not taken for a sign of what is in flight."""
        self._least = least
        self._most = most
        self._tolerated_lag = tolerated_lag
        self.starting = True
        """No trouble seen yet: it may double with each window, and shorter ones do no harm."""
        self._unused = 0  # windows since it was half used
        self._peak = 0  # in flight in those
        self._sums: dict[Hashable, list[float]] = {}
        self._long: dict[Hashable, float] = {}
        self.limit = initial
        """Requests that may be in flight."""

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

    def close(self, *, in_flight: int, lag: float, busy: float = 1.0) -> int:
        """End a window in which at most `in_flight` ran, the loop was `lag` seconds late, and its thread computed for
        the part `busy` of the time; returns the new limit."""
        self._late = self._late + 1 if lag > self._tolerated_lag else 0
        self.stalled = 0 < self._late <= _EXCUSED and busy < _BUSY
        if self.stalled:
            self._sums.clear()  # latency is of the same stall
            return self.limit
        ended, mean, slower = self._latency()
        if in_flight < self._estimate / 2:
            estimate = self._rest(in_flight)
        else:
            self._unused = self._peak = 0
            estimate = self._adapt(in_flight, lag, mean, slower, ended)
        self._estimate = max(self._least, min(self._most, estimate))
        self.limit = int(self._estimate)
        return self.limit

    def _adapt(self, in_flight: int, lag: float, mean: float, slower: float, ended: float) -> float:
        """The estimate after a window in which at least half of it was in flight."""
        estimate = self._estimate
        if lag > self._tolerated_lag:
            # What is in flight makes the lag, so that is what shrinks; no smoothing, clients are waiting. By Little's
            # law it is in proportion to latency, in which the lag is contained: what only waits need not go.
            self.starting = False
            spare = (lag - self._tolerated_lag) / max(mean, lag, _NOISE * self._tolerated_lag)
            return min(estimate, in_flight * max(_STEEPEST, 1 - spare))
        if slower > _TOLERANCE or lag > self._tolerated_lag / 2:  # twice as many would make it twice as late
            self.starting = False
        elif self.starting:
            return estimate + min(estimate, max(self._initial, ended))
        gradient = max(_STEEPEST, _TOLERANCE / max(slower, _TOLERANCE))
        return estimate + _SMOOTHING * (
            estimate * gradient + max(min(_HEADROOM, estimate / 3), sqrt(estimate)) - estimate
        )

    def _rest(self, in_flight: int) -> float:
        """The estimate after a window that did not use it: it stays, for nothing shows whether it would be too high,
        until it has been so for long."""
        self._unused += 1
        self._peak = max(self._peak, in_flight)
        if self._unused < _LONG:
            return self._estimate
        estimate = max(self._initial, 2 * self._peak)
        self._unused = self._peak = 0
        self.starting = True
        return estimate

    def _latency(self) -> tuple[float, float, float]:
        """The mean latency of the window's requests, and how many times the usual it was, each route weighed by its
        requests."""
        count = total = ratios = 0.0
        for route, (samples, seconds) in self._sums.items():
            short = seconds / samples
            long = self._long.get(route, short)
            if long > 2 * short:
                long *= 0.95  # overload is over: back to what is usual sooner than averaging would
            self._long[route] = long + (short - long) / _LONG
            count += samples
            total += seconds
            ratios += samples * (short + self._tolerated_lag) / (long + self._tolerated_lag)
        self._sums.clear()
        return (count, total / count, ratios / count) if count else (0.0, 0.0, 1.0)
