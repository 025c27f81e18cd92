"""Functions that compute, in processes of their own: beside the interpreter's lock, and beside this process's memory.

Each process is a `ProcessPoolExecutor` of one, since that class declares the whole pool broken, with all its calls,
when one of its processes dies. A process is started when it is first needed, which takes as long as importing the app.
"""

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import connection, get_context, parent_process
from typing import Any, NamedTuple

from stanchion.deadline import shorten, until
from stanchion.errors import HTTPError
from stanchion.offload.places import PoolPlaces
from stanchion.telemetry.decisions import Decisions
from stanchion.telemetry.tallies import PoolCell


class _Process(NamedTuple):
    executor: ProcessPoolExecutor
    pid: int


class Processes:
    """A pool of processes; `run` is for the event loop's thread alone."""

    def __init__(self, size: int, longest: int, decisions: Decisions) -> None:
        self.places = PoolPlaces("process", size, longest, decisions)
        self._decisions = decisions
        self._idle: list[_Process] = []
        self._starting: list[asyncio.Task[_Process]] = []  # whose caller has left meanwhile
        self._all: set[_Process] = set()

    def __repr__(self) -> str:
        return f"<Processes {self.statistics()}>"

    def statistics(self) -> dict[str, int]:
        """See `PoolPlaces.statistics`; and how many processes there are."""
        return {**self.places.statistics(), "processes": len(self._all)}

    async def run(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call a function of a module in a process; arguments and result are pickled.

        If the caller is cancelled, as by its deadline, the process is killed and another takes its place.

        Raises:
            ServiceUnavailable: too many calls wait (code `pool-full`).
            HTTPError: 500, code `process-died`, if the process died at it.
        """
        await self.places.take()
        try:
            process = await self._one()
            try:
                work = process.executor.submit(_call, until(), function, args, kwargs)
                result = await asyncio.wrap_future(work)
            except BrokenProcessPool:
                self._lost(process)
                raise HTTPError("the process that worked on it died", status=500, code="process-died") from None
            except asyncio.CancelledError:
                self._lost(process)
                raise
            except Exception:
                self._done(process)
                raise
            self._done(process)
            return result
        finally:
            self.places.leave()

    def close(self) -> None:
        """Kill every process, and wait for the threads that notice: one that ends along with the interpreter closes a
        pipe which that still writes to (CPython 3.11, `_python_exit`)."""
        for process in list(self._all):
            self._kill(process, wait=True)

    async def _one(self) -> _Process:
        if self._idle:
            return self._idle.pop()
        starting = self._starting.pop() if self._starting else asyncio.ensure_future(self._start())
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            self._starting.append(starting)  # a start outlasts many a deadline: the next caller gets it
            raise

    async def _start(self) -> _Process:
        executor = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_begin)
        try:
            pid = await asyncio.wrap_future(executor.submit(os.getpid))
        except BrokenProcessPool:
            executor.shutdown(wait=False)
            raise HTTPError("no process could be started for it", status=500, code="process-died") from None
        process = _Process(executor, pid)
        self._all.add(process)
        return process

    def _done(self, process: _Process) -> None:
        self._decisions.pool_done += 1
        self.places.counts[PoolCell.DONE] += 1
        self._idle.append(process)

    def _lost(self, process: _Process) -> None:
        self._decisions.pool_crashed += 1
        self.places.counts[PoolCell.CRASHED] += 1
        self._kill(process)

    def _kill(self, process: _Process, *, wait: bool = False) -> None:
        self._all.discard(process)
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        process.executor.shutdown(wait=wait, cancel_futures=True)


def _begin() -> None:
    """In the process: Ctrl+C is its parent's to handle, and it ends with its parent, even one that was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    assert parent is not None

    def follow() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=follow, name="stanchion-follow", daemon=True).start()


def _call(until: float | None, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if until is not None:
        shorten(until)
    return function(*args, **kwargs)
