"""How long a slot that lost its worker waits for the next one.

The first crash costs nothing: the next worker starts at once. One that keeps crashing, because its database is away or
its code is broken, must not keep a core busy with starting it.
"""

FIRST_WAIT = 0.1
"""Seconds before the second restart in a row; doubled with each further one."""
LONGEST_WAIT = 15.0
STABLE = 30.0
"""Seconds a worker has to serve for the crashes before it to be forgotten."""


class Backoff:
    """One slot's. Times are seconds of any clock that does not go back."""

    def __init__(self) -> None:
        self._failures = 0
        self._started: float | None = None
        self._wait = 0.0

    def __repr__(self) -> str:
        return f"<Backoff after {self._failures} failures: {self._wait:g} s>"

    def statistics(self) -> dict[str, float]:
        """Failures in a row, and the wait after the last, in seconds."""
        return {"failures": self._failures, "wait": self._wait}

    def started(self, now: float) -> None:
        """A worker serves."""
        self._started = now

    def failed(self, now: float, jitter: float = 1.0) -> float:
        """A worker crashed, or could not start; seconds to wait before the next one is started.

        `jitter` is a factor drawn by the caller, so that slots that crash together do not start together.
        """
        if self._started is not None and now - self._started >= STABLE:
            self._failures = 0
        self._started = None
        self._wait = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(self._failures - 1, 64)) if self._failures else 0.0
        self._wait *= jitter
        self._failures += 1
        return self._wait
