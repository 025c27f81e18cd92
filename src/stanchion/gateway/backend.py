"""One upstream of a proxied prefix: its connections, and what is known of its health."""

from collections.abc import Sequence

from stanchion.limits.breaker import Breaker
from stanchion.limits.two_choices import Latency
from stanchion.telemetry.tallies import DependencyCell
from stanchion.upstream.limits import Limits
from stanchion.upstream.pool import Pool
from stanchion.upstream.target import Target

_FAILURES = 3
"""In a row, after which an upstream gets no requests for a while."""
_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
"""Seconds of the first such while, which doubles, and of the longest."""
_SUSPECT = 30.0
"""Seconds after a failure in which the breaker counts and is asked. Of an upstream that has not failed for so long it
has nothing to say, and counting for it is 5 % of a request's processor time."""
_CHECKS = 2
"""Checks in a row that fail before an upstream counts as down."""


class Backend:
    """Seconds of one clock, which is passed in."""

    def __init__(self, target: Target, limits: Limits) -> None:
        self.target = target
        self.pool = Pool(target, limits)
        self.breaker = Breaker()
        self.counts = [0] * len(DependencyCell)
        self.out_until = 0.0
        self.down = False
        self._suspect_until = 0.0
        self._latency = Latency()
        self._failures = 0
        self._ejected = 0
        self._failed_checks = 0

    def __repr__(self) -> str:
        state = "down" if self.down else f"out until {self.out_until:.1f}" if self.out_until else "in"
        return f"<Backend {self.target}: {state}, {self.pool.busy} busy>"

    def statistics(self) -> dict[str, float]:
        """Those of the pool and the breaker; the average latency in seconds, failures in a row."""
        own = {"latency": self._latency.average, "failures": self._failures, "down": self.down}
        return {**self.pool.statistics(), **self.breaker.statistics(), **own}

    def score(self, now: float) -> float:
        """What asking it costs; see `Latency`."""
        return self._latency.cost(self.pool.busy, now)

    def available(self, now: float) -> bool:
        """Neither down nor out."""
        return not self.down and now >= self.out_until

    def allows(self, now: float) -> bool:
        """Whether the breaker lets a request out."""
        return now >= self._suspect_until or self.breaker.allows(now)

    def answered(self, began: float, now: float) -> None:
        """The head of an answer has come."""
        self._latency.took(now - began, now)
        if now < self._suspect_until:
            self.breaker.accepted(now)
        if self._failures:
            self._failures = self._ejected = 0
            self.out_until = 0.0

    def failed(self, now: float) -> None:
        """There was none. One that fails again after its while is out at once."""
        self.counts[DependencyCell.FAILED] += 1
        self._suspect_until = now + _SUSPECT
        self.breaker.failed(now)
        self._failures += 1
        if self._failures >= _FAILURES and now >= self.out_until:
            self.out_until = now + min(_LONGEST_PAUSE, _PAUSE * 2**self._ejected)
            self._ejected = min(self._ejected + 1, 10)

    def checked(self, *, sound: bool) -> None:
        """The outcome of a check."""
        self._failed_checks = 0 if sound else self._failed_checks + 1
        self.down = self._failed_checks >= _CHECKS


def in_service(backends: Sequence[Backend], now: float) -> list[Backend]:
    """Those that may be asked. Never none: where all are out, the one that is back first; where all are down, all, for
    then it is more likely the check that is wrong."""
    found = [backend for backend in backends if backend.available(now)]
    if found:
        return found
    up = [backend for backend in backends if not backend.down]
    return [min(up, key=lambda backend: backend.out_until)] if up else list(backends)
