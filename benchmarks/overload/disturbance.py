"""How much of its core a server did not get because other programs had it: what a busy machine does to a figure."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import TypeVar

from benchmarks import processes

T = TypeVar("T")
TOLERATED = 0.05
"""Of the time; a run with more is made again."""
TRIES = 3


def waited(pid: int) -> float:
    """Seconds that the threads of a process and its descendants have been ready and not run (schedstat's second)."""
    total = 0
    for member in processes.family(pid):
        for task in Path(f"/proc/{member}/task").glob("*/schedstat"):
            with suppress(OSError, IndexError):  # the thread has ended
                total += int(task.read_text().split()[1])
    return total / 1e9


def share_of(pid: int, work: Callable[[], T]) -> tuple[T, float]:
    """What `work` returns, and the share of its time that the server waited for its core."""
    before, began = waited(pid), perf_counter()
    result = work()
    return result, (waited(pid) - before) / (perf_counter() - began)


def undisturbed(once: Callable[[], tuple[T, float]], say: Callable[[str], None]) -> tuple[T, float]:
    """The first run that was hardly disturbed, else the least disturbed of `TRIES`."""
    runs = []
    for _ in range(TRIES):
        runs.append(once())
        if runs[-1][1] <= TOLERATED:
            break
        say(f"other programs had the server's core for {runs[-1][1]:.0%} of the time")
    return min(runs, key=lambda run: run[1])
