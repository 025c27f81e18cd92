"""The sliding window as two counters: so many in any aligned window, and an estimate for what lies across two.

The requests of the last full window are taken to have been evenly spread, so that a share of them falls off as the
present window goes on. In an aligned window there are never more than the count; over a boundary there may be up to
twice as many, where the first came in one burst at its end. An exact log of all requests would need memory for each.

A state has a cell for even windows and one for odd ones, each with its window's number in the upper half. A step
changes one of the two: whoever is killed in between leaves no count that belongs to another window.
"""

from msgspec import Struct

from stanchion.limits.decision import Decision, State
from stanchion.limits.rate import Rate

_HALF = 32
_LOW = (1 << _HALF) - 1


class SlidingWindow(Struct, frozen=True, kw_only=True):
    """`count` requests in `window` nanoseconds."""

    count: int
    window: int

    @classmethod
    def of(cls, rate: Rate) -> "SlidingWindow":
        """Of a rate's own count and time."""
        return cls(count=rate.count, window=rate.period)

    @property
    def most(self) -> int:
        """The largest cost that can ever be allowed."""
        return self.count

    def step(self, state: State, now: int, cost: int, patience: int) -> tuple[State | None, Decision]:
        """See `Rule`; a window has no turns to wait for, so `patience` changes nothing."""
        count, window = self.count, self.window
        number, elapsed = divmod(now, window)
        now_cell, past_cell = (state[1], state[2]) if number % 2 == 0 else (state[2], state[1])
        present = _count_of(now_cell, number)
        past = _count_of(past_cell, number - 1)
        free = count * window - past * (window - elapsed) - present * window  # in request times nanoseconds
        reset = 2 * window - elapsed if present else window - elapsed if past else 0
        if cost * window > free:
            wait = self._wait(past, present, elapsed, cost)
            return None, Decision(False, max(0, free // window), wait, reset)
        cell = (number & _LOW) << _HALF | present + cost
        cells = (cell, past_cell) if number % 2 == 0 else (past_cell, cell)
        remaining = (free - cost * window) // window
        return (now - elapsed + 2 * window, *cells), Decision(True, remaining, 0, 2 * window - elapsed)

    def _wait(self, past: int, present: int, elapsed: int, cost: int) -> int:
        """Until so much of the past has fallen off that the cost has room."""
        room = self.count - present - cost
        if room >= 0:
            return self.window - room * self.window // past - elapsed
        room = self.count - cost  # in the next window, where the present is the past
        return self.window - elapsed + self.window - room * self.window // present


def _count_of(cell: int, number: int) -> int:
    return cell & _LOW if cell >> _HALF == number & _LOW else 0
