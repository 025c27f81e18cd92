"""Whether a server is asked: after two failures in a row one call in a quarter of a second, until one is answered."""

import logging
from collections.abc import Callable
from time import monotonic

_log = logging.getLogger("stanchion.cache")

PROBE = 0.25
"""Seconds between two calls to a server that has failed."""
_FAILURES = 2


class Probing:
    """Of one server."""

    def __init__(self, name: str, clock: Callable[[], float] = monotonic) -> None:
        """`name` is what it is called in the log."""
        self._name = name
        self._clock = clock
        self._failures = 0
        self._shut_until = 0.0

    def __repr__(self) -> str:
        return f"<Probing {self._name}, {'failing' if self.failing else 'answers'}>"

    @property
    def failing(self) -> bool:
        """Only one call in a quarter of a second is sent."""
        return self._failures >= _FAILURES

    def asks(self) -> bool:
        """Whether to call now; where it is failing this call finds out."""
        if not self.failing:
            return True
        now = self._clock()
        if now < self._shut_until:
            return False
        self._shut_until = now + PROBE
        return True

    def answered(self) -> None:
        """A call was."""
        if self.failing:
            _log.warning("%s answers again", self._name)
        self._failures = 0

    def failed(self, error: Exception) -> None:
        """A call was not."""
        self._failures += 1
        self._shut_until = self._clock() + PROBE
        if self._failures == _FAILURES:
            _log.warning("%s does not answer, the cache does without it: %r", self._name, error)
