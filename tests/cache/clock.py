"""The clock of the cache alone, moved ahead by a test: the loop, deadlines and the servers beside keep their own."""

import sys
import time

import pytest

from stanchion.wire.http1 import shelf

_READING = {
    "time": time.time,
    "monotonic": time.monotonic,
    "monotonic_ns": time.monotonic_ns,
}
_REAL = ("stanchion.cache.watched", "stanchion.cache.flights")
"""When a request began, and its deadline, go by the loop's."""


class Clock:
    """Moves on by itself as well. Made before the app, whose parts may take their clock when they are made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ahead = 0.0
        for name, module in list(sys.modules.items()):
            if name in _REAL or not name.startswith("stanchion.cache."):
                continue
            for attribute, function in _READING.items():
                if getattr(module, attribute, None) is function:
                    monkeypatch.setattr(module, attribute, getattr(self, attribute))
        monkeypatch.setattr(shelf, "time", self.time)  # hits that are kept at hand are fresh by the cache's clock
        find = shelf.Shelved.find
        monkeypatch.setattr(
            shelf.Shelved, "find", lambda shelved, fields, _, date: find(shelved, fields, self.monotonic_ns(), date)
        )

    def __repr__(self) -> str:
        return f"<Clock {self._ahead:g} s ahead>"

    def advance(self, seconds: float) -> None:
        """Move on."""
        self._ahead += seconds

    def time(self) -> float:
        """Unix seconds."""
        return time.time() + self._ahead

    def monotonic(self) -> float:
        """Seconds of CLOCK_MONOTONIC."""
        return time.monotonic() + self._ahead

    def monotonic_ns(self) -> int:
        """The same in nanoseconds."""
        return time.monotonic_ns() + int(self._ahead * 1e9)
