"""When a worker is to be replaced by a new one, although it serves.

Requests and age get up to a fifth on top, drawn once a worker: those started together are not due together. Memory and
lag get nothing: they are limits that an operator relies on, and no two workers reach them at one time.
"""

from random import Random
from typing import Self

from msgspec import Struct

from stanchion.settings import Settings

MOST_JITTER = 1.2
LAG_LASTS = 10.0
"""Seconds over which the loop has to lag: a request that blocks it for a moment is no reason."""
_LONGEST_GAP = 3.0
"""Seconds between two samples over which nothing is known of the time between them."""


class Limits(Struct, frozen=True, kw_only=True):
    """What one worker is replaced for exceeding; 0 is no limit."""

    requests: int = 0
    age: float = 0.0
    """Seconds."""
    rss: int = 0
    """Bytes."""
    loop_lag: float = 0.0
    """Seconds."""

    @classmethod
    def of(cls, settings: Settings, random: Random) -> Self:
        """The settings' limits with this worker's jitter."""
        factor = random.uniform(1.0, MOST_JITTER)
        return cls(
            requests=int(settings.recycle_requests * factor),
            age=settings.recycle_age * factor,
            rss=settings.recycle_rss,
            loop_lag=settings.recycle_loop_lag,
        )


class Sample(Struct, frozen=True, kw_only=True):
    """A worker at one moment; units as in `Limits`."""

    requests: int
    age: float
    rss: int
    loop_lag: float


class Recycler:
    """Judges one worker, sample by sample."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._lags_since: float | None = None
        self._last = 0.0

    def __repr__(self) -> str:
        return f"<Recycler {self.limits}{'' if self._lags_since is None else ' lagging'}>"

    @classmethod
    def of(cls, settings: Settings, random: Random) -> Self:
        """With limits of its own by the settings."""
        return cls(Limits.of(settings, random))

    def reason(self, now: float, sample: Sample) -> str | None:
        """`requests`, `age`, `rss` or `loop-lag`, or None where the worker may stay; `now` in seconds."""
        lags = self._lags(now, sample.loop_lag)
        limits = self.limits
        if 0 < limits.requests <= sample.requests:
            return "requests"
        if 0 < limits.age <= sample.age:
            return "age"
        if 0 < limits.rss < sample.rss:
            return "rss"
        return "loop-lag" if lags else None

    def _lags(self, now: float, lag: float) -> bool:
        """Whether the loop has lagged in every sample for long enough."""
        gap, self._last = now - self._last, now
        if not 0 < self.limits.loop_lag < lag:
            self._lags_since = None
            return False
        if self._lags_since is None or gap > _LONGEST_GAP:
            self._lags_since = now
        return now - self._lags_since >= LAG_LASTS
