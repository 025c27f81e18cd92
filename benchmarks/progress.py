"""Progress on standard error: a line a step, with the time still to go. Standard output is the result's."""

import sys
import time
from typing import TextIO


class Progress:
    """Counts `total` steps of roughly equal length; `quiet` says nothing at all."""

    def __init__(self, total: int, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self._total = max(total, 1)
        self._done = 0
        self._quiet = quiet
        self._stream = stream or sys.stderr
        self._started = time.monotonic()

    def __repr__(self) -> str:
        return f"Progress({self._done}/{self._total})"

    def say(self, text: str) -> None:
        """A line that is no step."""
        if not self._quiet:
            print(text, file=self._stream, flush=True)

    def step(self, text: str) -> None:
        """One step is done; `text` says what it found."""
        self._done += 1
        width = len(str(self._total))
        self.say(f"[{self._done:>{width}}/{self._total}] {self._to_go():>6} to go  {text}")

    def _to_go(self) -> str:
        each = (time.monotonic() - self._started) / self._done
        seconds = round(each * max(self._total - self._done, 0))
        return f"{seconds // 60}:{seconds % 60:02}"
