"""Watching the workers: who shows no sign of life is killed, who is due is replaced. Twice a second."""

import asyncio
import logging
import os
from random import Random
from time import monotonic

from stanchion.board import Board
from stanchion.cluster.beat import TICK_SECONDS
from stanchion.cluster.fleet import Fleet
from stanchion.cluster.notify import notify
from stanchion.cluster.process import Process
from stanchion.cluster.recycle import Recycler, Sample
from stanchion.cluster.states import DRAINING, SERVING
from stanchion.cluster.status import instant
from stanchion.telemetry.snapshot import Worker, workers

_log = logging.getLogger("stanchion.cluster")
_INTERVAL = 0.5
_STACKS_WAIT = 1.0
"""Seconds from asking an unresponsive worker for its stacks to killing it."""


class Monitor:
    """One pass looks at every worker's row of the board."""

    def __init__(self, fleet: Fleet, board: Board) -> None:
        self._fleet = fleet
        self._board = board
        self._random = Random()
        self._recyclers: dict[int, Recycler] = {}
        self._suspects: dict[int, float] = {}

    def __repr__(self) -> str:
        return f"<Monitor of {len(self._recyclers)} workers, {len(self._suspects)} suspect>"

    async def run(self) -> None:
        """For ever."""
        watched = "WATCHDOG_USEC" in os.environ
        while True:
            await asyncio.sleep(_INTERVAL)
            self._look()
            if watched:
                notify("WATCHDOG=1")

    def _look(self) -> None:
        processes = {process.pid: process for process in self._fleet.processes}
        self._recyclers = {pid: recycler for pid, recycler in self._recyclers.items() if pid in processes}
        self._suspects = {pid: since for pid, since in self._suspects.items() if pid in processes}
        for worker in workers(self._board, instant(), interval=TICK_SECONDS):
            process = processes.get(worker.pid)
            if process is None:
                continue
            if worker.state in (SERVING, DRAINING):
                self._check_life(process, worker.beat_age)
            if worker.state == SERVING and process.serves:
                self._check_recycling(process, worker)

    def _check_life(self, process: Process, silent: float) -> None:
        if silent <= self._fleet.settings.heartbeat_timeout:
            self._suspects.pop(process.pid, None)
        elif process.pid not in self._suspects:
            self._suspects[process.pid] = monotonic()
            _log.error("worker %d shows no sign of life for %.1f s; its stacks follow", process.pid, silent)
            process.dump_stacks()
        elif monotonic() - self._suspects[process.pid] >= _STACKS_WAIT:
            process.kill("unresponsive")

    def _check_recycling(self, process: Process, worker: Worker) -> None:
        recycler = self._recyclers.get(process.pid)
        if recycler is None:
            recycler = self._recyclers[process.pid] = Recycler.of(self._fleet.settings, self._random)
        sample = Sample(requests=worker.requests, age=worker.age, rss=worker.rss, loop_lag=worker.loop_lag)
        reason = recycler.reason(monotonic(), sample)
        if reason is not None and not self._fleet.busy and not self._fleet.leaving:
            slot = self._fleet.slots[process.slot]
            self._fleet.do(self._fleet.replace(slot, reason))
