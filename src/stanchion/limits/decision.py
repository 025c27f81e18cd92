"""What an algorithm says of one request."""

from typing import Protocol

from msgspec import Struct

State = tuple[int, int, int]
"""When the state equals none at all, and two numbers that are the algorithm's own; all from 0 to 2^64 - 1."""

NOTHING: State = (0, 0, 0)
"""The state of a client that was not seen, or not for long enough."""


class Decision(Struct, frozen=True, gc=False):
    """Whether a request goes on. Times are in nanoseconds."""

    allowed: bool
    remaining: int
    """Requests of cost 1 that would be allowed now."""
    retry_after: int
    """Until the same request is allowed if nobody else asks; 0 if it is allowed."""
    reset: int
    """Until the whole quota is there again."""
    delay: int = 0
    """How long an allowed request has to wait for its turn, where the limit spaces out instead of refusing."""


class Rule(Protocol):
    """An algorithm with its figures."""

    @property
    def most(self) -> int:
        """The largest cost that can ever be allowed."""

    def step(self, state: State, now: int, cost: int, patience: int) -> tuple[State | None, Decision]:
        """Decide on a request of `cost` at `now` that would wait for `patience`, both in nanoseconds.

        The new state is None where it is the old one.
        """
