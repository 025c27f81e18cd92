"""Ends the servers when the runner cannot: a process beside it that sees the runner's end of a pipe close.

`finally` covers Ctrl-C, SIGTERM and exceptions; this covers SIGKILL and the out-of-memory killer. The
kernel's own means, PR_SET_PDEATHSIG, was tried first: it reaches only the first process of a server, and
Robyn sits through the SIGTERM that a server with children must be sent.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


class Reaper:
    """Tells the process beside which process groups are alive."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe

    def watch(self, group: int) -> None:
        """From now on the group ends with the runner."""
        self._pipe.write(b"+%d\n" % group)
        self._pipe.flush()

    def release(self, group: int) -> None:
        """The group has ended; its number may soon be another's."""
        self._pipe.write(b"-%d\n" % group)
        self._pipe.flush()


@contextmanager
def reaping() -> Iterator[Reaper]:
    """A reaper for the time of a run, in a session of its own so that the terminal's signals pass it by."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.reaper"],
        cwd=Path(__file__).resolve().parent.parent,
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None
    try:
        yield Reaper(process.stdin)
    finally:
        process.stdin.close()
        process.wait()


def main() -> None:
    """Keeps the list of groups until the pipe closes, then kills what is still on it."""
    groups: set[int] = set()
    for line in sys.stdin.buffer:
        group = int(line[1:])
        if line.startswith(b"+"):
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
