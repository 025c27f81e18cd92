"""The generic cell rate algorithm (ITU-T I.371, annex A): requests at an even rate, and a burst on top.

A client's whole state is its theoretical arrival time: when the last request would have come had all come evenly. A
request is allowed if that is not more than the burst ahead of now. It admits exactly what a bucket of `burst` tokens
does that is refilled at the rate, without a refill to do.
"""

from msgspec import Struct

from stanchion.errors import ConfigurationError
from stanchion.limits.decision import Decision, State
from stanchion.limits.rate import Rate

_LONGEST = 1 << 61
"""Nanoseconds that a state may lie ahead: it has to fit a cell together with any clock."""


class Gcra(Struct, frozen=True, kw_only=True):
    """`interval` nanoseconds a request, `burst` of them at once."""

    interval: int
    burst: int

    @classmethod
    def of(cls, rate: Rate, burst: int) -> "Gcra":
        """The interval is rounded up to a nanosecond: never more than the rate.

        Raises:
            ConfigurationError: the burst would take longer than 73 years to come back.
        """
        interval = -(-rate.period // rate.count)
        if interval * burst > _LONGEST:
            raise ConfigurationError(f"burst={burst}: at this rate it takes more than 73 years to refill; lower it")
        return cls(interval=interval, burst=burst)

    @property
    def most(self) -> int:
        """The largest cost that can ever be allowed."""
        return self.burst

    def step(self, state: State, now: int, cost: int, patience: int) -> tuple[State | None, Decision]:
        """See `Rule`. A request that waits for its turn has its place from now on, whether it comes or not."""
        interval = self.interval
        tolerance = interval * self.burst
        arrival = state[0]
        if arrival < now:
            arrival = now
        moved = arrival + interval * cost
        early = moved - now - tolerance
        if early > patience:
            left = now + tolerance - arrival
            return None, Decision(False, left // interval if left > 0 else 0, early, arrival - now)
        left = tolerance + now - moved
        remaining = left // interval if left > 0 else 0
        return (moved, 0, 0), Decision(True, remaining, 0, moved - now, early if early > 0 else 0)
