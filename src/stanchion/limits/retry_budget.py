"""How many retries there may be: a share of the calls, so that an outage is not multiplied by them.

Three attempts a call, at each of three layers, make 27 calls of one while everything fails, which keeps it failing. A
budget of a tenth makes it 1.1, whatever each layer would like. As in Finagle's RetryBudget, and the SRE book's chapter
22: each call puts in a share of a token, each retry takes one out, and tokens do not gather beyond a few seconds'. A
little comes in with time, or a dependency that is called once a minute would never be called again.
"""

from math import exp

_STEP = 0.02
"""Seconds between two looks at the clock: tokens fade over ten seconds."""


class RetryBudget:
    """Of one dependency; seconds of one clock, which is passed in."""

    __slots__ = ("_at", "_keep", "_least", "_share", "tokens")

    def __init__(self, *, share: float = 0.1, least: float = 0.2, keep: float = 10.0) -> None:
        """A `share` of calls may be retried, and `least` a second besides; tokens fade within about `keep` seconds."""
        self._share = share
        self._keep = keep
        self._least = least
        self._at: float | None = None
        self.tokens = self._full

    def __repr__(self) -> str:
        return f"<RetryBudget {self.tokens:.1f} retries left>"

    def statistics(self) -> dict[str, float]:
        """Retries that could be made now."""
        return {"tokens": self.tokens}

    def called(self, now: float) -> None:
        """A call has been made, its first attempt."""
        self._fade(now)
        self.tokens += self._share

    def take(self, now: float) -> bool:
        """Whether a retry may be made; if so it is paid for."""
        self._fade(now)
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True

    def _fade(self, now: float) -> None:
        if self._at is not None and now - self._at < _STEP:
            return
        if self._at is not None:
            self.tokens = self._full + (self.tokens - self._full) * exp((self._at - now) / self._keep)
        self._at = now

    @property
    def _full(self) -> float:
        """What time alone gathers."""
        return self._least * self._keep
