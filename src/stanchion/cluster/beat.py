"""A worker's signs of life, on its row of the board.

The heartbeat comes from a thread: a loop that is busy, or blocked in code that lets go of the interpreter's lock, is
late but alive, and that lateness is a figure of its own. Only a process that is stopped, or stuck in code that holds
the lock, shows no heartbeat.
"""

import asyncio
import gc
import os
import threading
from time import monotonic_ns, time_ns

from stanchion.board import Counter, Gauge, Row
from stanchion.cluster.states import STARTING

BEAT_SECONDS = 0.5
TICK_SECONDS = 0.25
"""Between two looks at the loop's lag."""
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Beat:
    """Writes to the row until stopped."""

    def __init__(self, row: Row, slot: int, orphan_seconds: float) -> None:
        """`orphan_seconds` after its parent has gone the process ends itself, should its loop be stuck."""
        self._cells = row.cells
        self._stopped = threading.Event()
        self._parent = os.getppid()
        self._orphan_seconds = orphan_seconds
        self._gc_began = 0
        cells = row.cells
        cells[Gauge.SLOT], cells[Gauge.STATE], cells[Gauge.STARTED] = slot, STARTING, time_ns()
        cells[Gauge.BEAT], cells[Gauge.RSS] = monotonic_ns(), resident_bytes()
        cells[Gauge.PID] = os.getpid()  # last: it takes the seat
        self._thread = threading.Thread(target=self._run, name="stanchion-beat", daemon=True)

    def __repr__(self) -> str:
        return f"<Beat {'stopped' if self._stopped.is_set() else 'running'}>"

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin; the loop's lag and the collector's pauses are watched from here on."""
        self._loop = loop
        self._due = loop.time()
        self._tick()
        gc.callbacks.append(self._collected)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and the timer."""
        self._stopped.set()
        self._timer.cancel()
        gc.callbacks.remove(self._collected)
        self._thread.join()

    def _run(self) -> None:
        orphaned = 0.0
        while not self._stopped.wait(BEAT_SECONDS):
            self._cells[Gauge.BEAT] = monotonic_ns()
            self._cells[Gauge.RSS] = resident_bytes()
            if os.getppid() != self._parent:
                orphaned += BEAT_SECONDS
                if orphaned > self._orphan_seconds:
                    os._exit(1)

    def _tick(self) -> None:
        now = self._loop.time()
        self._cells[Gauge.LOOP_LAG] = max(0, int((now - self._due) * 1e9))
        self._cells[Gauge.LOOP_TICK] = monotonic_ns()
        self._due = now + TICK_SECONDS
        self._timer = self._loop.call_at(self._due, self._tick)

    def _collected(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._gc_began = monotonic_ns()
        else:
            self._cells[Counter.GC_PAUSES] += 1
            self._cells[Counter.GC_PAUSE_NS] += monotonic_ns() - self._gc_began


def resident_bytes() -> int:
    """Resident memory of this process; 0 where the system does not tell (macOS tells only its peak)."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE
    except OSError:
        return 0
