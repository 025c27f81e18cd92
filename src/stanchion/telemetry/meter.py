"""What the request path counts: a few adds to cells of the worker's own row, no lock, no object made.

`end` takes 0.25 µs for a duration below 4 ms and 0.33 for a longer one, `begin` and `finish` 0.1 each, on a core where
an empty call takes 0.03. An add to a cell is 0.05 µs of that, to a list's item 0.02: but what is in a list dies with
its process. Measured for `end` and rejected: closures instead of methods, 0.01 µs less; `status // 100` and the bucket
worked out each time, 0.03 more; an array of ctypes instead of a memoryview, 0.05 more.
"""

from msgspec.structs import astuple

from stanchion.board import Board, Counter, Gauge
from stanchion.board.layout import HISTOGRAM, MICROSECONDS, OTHER
from stanchion.telemetry.decisions import Decisions
from stanchion.telemetry.histogram import bucket_of

# Offsets of cells as plain integers: a member of an IntEnum is looked up and added at several times the cost.
PID, SLOT, STATE, STARTED, BEAT, LOOP_TICK, LOOP_LAG, RSS, CONNECTIONS, LIMIT, WAITING, ADMITTED, *_DECISION_GAUGES = (
    map(int, Gauge)
)
(
    BEGUN,
    ENDED,
    ACCEPTED,
    REFUSED,
    HANDED_OVER,
    TAKEN_OVER,
    RECEIVED,
    SENT,
    GC_PAUSES,
    GC_PAUSE_NS,
    LOG_LINES,
    LOG_DROPPED,
    QUEUED,
    *_LATER,
) = map(int, Counter)
SHED = _LATER[:9]
_DECISION_CELLS = [*_LATER[len(SHED) :], *_DECISION_GAUGES]

SMALL = 4096
"""Durations in microseconds below which `BUCKET_OF` answers; one up to 65 ms would fill the nearest cache."""
OUTCOME_OF = bytes([0] * 100 + [1] * 100 + [2] * 100 + [3] * 100 + [4] * 100 + [5] * 500)
"""The outcome of each status up to 999. An ASGI app may answer beyond 599: that is a server's fault."""
BUCKET_OF = bytes(HISTOGRAM + bucket_of(microseconds) for microseconds in range(SMALL))
"""A block's cell for each duration in microseconds below `SMALL`: a table takes 0.02 µs, `bucket_of` 0.06."""


class Meter:
    """The counters of one worker. One thread calls it: the event loop's.

    base = meter.series("GET", "/airports/{iata}")     once a route
    meter.begin()                                      a request goes to a task
    meter.finish()                                     and has been served by it
    meter.end(base, 200, 1234)                         an answer is written
    meter.cells[SENT] += 512                           whatever else is counted
    """

    __slots__ = ("_board", "_series", "cells", "other")

    def __init__(self, board: Board, seat: int) -> None:
        self.cells = board.row(seat).cells
        self.other = board.series_base(OTHER)
        self._board = board
        self._series: dict[tuple[str, str], int] = {}

    def __repr__(self) -> str:
        return f"<Meter {self.cells[BEGUN]} tasks begun, {self.cells[ENDED]} ended>"

    def statistics(self) -> dict[str, int]:
        """Tasks begun and ended, and the series this worker has asked for."""
        return {"begun": self.cells[BEGUN], "ended": self.cells[ENDED], "series": len(self._series)}

    def series(self, method: str, route: str) -> int:
        """What `end` takes for requests of this route; `other` once the board has no room for more."""
        key = method, route
        base = self._series.get(key)
        if base is None:
            base = self._board.series_base(self._board.series.intern(method, route))
            if base != self.other:  # not kept: an app may ask for ever new ones
                self._series[key] = base
        return base

    def decided(self, decisions: Decisions) -> None:
        """Bring an app's decisions to the board."""
        for cell, value in zip(_DECISION_CELLS, astuple(decisions), strict=True):
            self.cells[cell] = value

    def begin(self) -> None:
        """A request is in flight."""
        self.cells[BEGUN] += 1

    def finish(self) -> None:
        """A request that was in flight is so no more."""
        self.cells[ENDED] += 1

    def end(self, base: int, status: int, microseconds: int) -> None:
        """A request of the series at `base` has ended: with a status, or with 0 because its client left.

        `microseconds` is its duration, whole and not negative.
        """
        cells = self.cells
        cells[base + OUTCOME_OF[status]] += 1
        cells[base + MICROSECONDS] += microseconds
        cells[base + (BUCKET_OF[microseconds] if microseconds < SMALL else HISTOGRAM + bucket_of(microseconds))] += 1
