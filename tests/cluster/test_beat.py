"""A worker's signs of life, on a board of its own."""

import asyncio
import gc
import os
import threading
import time

from stanchion.board import Board, Counter, Gauge, Row
from stanchion.cluster.beat import TICK_SECONDS, Beat, resident_bytes
from stanchion.cluster.states import STARTING
from stanchion.telemetry.snapshot import Instant, workers


def beating(row: Row, work: "asyncio._CoroutineLike[None]") -> None:
    """Run `work` on a loop that is watched."""

    async def run() -> None:
        beat = Beat(row, 3, orphan_seconds=60)
        beat.start(asyncio.get_running_loop())
        try:
            await work
        finally:
            beat.stop()

    asyncio.run(run())


async def until_changed(row: Row, gauge: Gauge) -> None:
    """Wait until a cell is another."""
    before = row.cells[gauge]
    async with asyncio.timeout(10):
        while row.cells[gauge] == before:
            await asyncio.sleep(0.01)


def test_the_row_is_taken_at_once() -> None:
    board = Board.private()
    row = board.row(0)
    Beat(row, 3, orphan_seconds=60)
    assert (row.cells[Gauge.PID], row.cells[Gauge.SLOT], row.cells[Gauge.STATE]) == (os.getpid(), 3, STARTING)
    now = Instant(unix=time.time_ns(), monotonic=time.monotonic_ns())
    (worker,) = workers(board, now, interval=TICK_SECONDS)
    assert worker.rss > 2**20
    assert worker.age < 10
    assert worker.beat_age < 10


def test_heart_and_loop_are_seen_to_beat() -> None:
    row = Board.private().row(0)

    async def watch() -> None:
        await until_changed(row, Gauge.BEAT)
        await until_changed(row, Gauge.LOOP_TICK)

    beating(row, watch())
    assert not [thread for thread in threading.enumerate() if thread.name == "stanchion-beat"]


def test_a_blocked_loop_is_late_and_the_heart_beats_on() -> None:
    row = Board.private().row(0)

    async def watch() -> None:
        await until_changed(row, Gauge.LOOP_TICK)
        before = row.cells[Gauge.BEAT]
        time.sleep(1.2)
        assert row.cells[Gauge.BEAT] > before
        await until_changed(row, Gauge.LOOP_TICK)
        assert row.cells[Gauge.LOOP_LAG] > 0.5e9

    beating(row, watch())


def test_pauses_of_the_collector_are_counted_while_it_is_watched() -> None:
    row = Board.private().row(0)

    async def watch() -> None:
        before = row.cells[Counter.GC_PAUSES]
        gc.collect()
        assert row.cells[Counter.GC_PAUSES] == before + 1
        assert row.cells[Counter.GC_PAUSE_NS] > 0

    beating(row, watch())
    after = row.cells[Counter.GC_PAUSES]
    gc.collect()
    assert row.cells[Counter.GC_PAUSES] == after


def test_resident_memory_grows_with_what_is_kept() -> None:
    before = resident_bytes()
    kept = b"x" * 50_000_000
    assert resident_bytes() - before > 0.8 * len(kept)
