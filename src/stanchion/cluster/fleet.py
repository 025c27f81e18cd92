"""The workers of a server: started, replaced, scaled and stopped so that no request is dropped for it."""

import asyncio
import logging
import os
import socket
from collections import Counter
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from random import uniform
from time import monotonic
from typing import Any

import msgspec

from stanchion.board import Board
from stanchion.cluster.channel import PACKET, Adopt, Configure, Drain, Heir, Peer, Release, Resize
from stanchion.cluster.process import Process
from stanchion.cluster.relay import Relay
from stanchion.cluster.slot import Slot
from stanchion.cluster.sockets import Listeners
from stanchion.errors import ConfigurationError
from stanchion.settings import Settings
from stanchion.tasks import Tasks

_log = logging.getLogger("stanchion.cluster")
REASONS = ("crash", "unresponsive", "asked", "reload", "requests", "age", "rss", "loop-lag")
"""Why a worker is replaced: each is counted from the start, so that the first one is a change a graph can show."""
_JITTER = (0.8, 1.2)
"""Of the wait before a crashed worker is started again, so that slots do not act together."""
_END_GRACE = 0.7
"""Seconds beyond the drain's time-out in which a worker closes its resources; then it is killed."""
_STOPPING = "the server is stopping"
_REPLACED_WAIT = 2.0
"""Seconds a replacement waits for the old worker's end before the next begins, so that memory does not double."""


class Fleet:
    """Slots and their workers. One replacement is under way at a time; crashes are mended whatever else goes on."""

    def __init__(self, target: str, settings: Settings, listeners: Listeners, board: Board, *, traceback: bool) -> None:
        self.settings = settings
        self.listeners = listeners
        self.slots: list[Slot] = []
        self.processes: set[Process] = set()
        self.restarts: Counter[str] = Counter()
        self.leaving = False
        """Told to stop; perhaps still serving, for balancers to notice."""
        self.stopping = False
        """No worker is started any more."""
        self.relay = Relay()
        self._target = target
        self._board = board
        self._traceback = traceback
        self._seats = set(range(board.seats))
        self._told = 0
        self._replacing = asyncio.Lock()
        self._tasks = Tasks()

    def __repr__(self) -> str:
        return f"<Fleet of {len(self.serving)} serving, {len(self.wanted)} wanted>"

    @property
    def wanted(self) -> list[Slot]:
        """The slots that should have a worker."""
        return [slot for slot in self.slots if slot.wanted]

    @property
    def serving(self) -> list[Process]:
        """The workers that take requests."""
        return [slot.current for slot in self.slots if slot.current is not None and slot.current.serves]

    @property
    def busy(self) -> bool:
        """A replacement is under way."""
        return self._replacing.locked()

    @property
    def size(self) -> int:
        """The workers there are or are to be, those replaced not counted: one scaled away is there until its end."""
        return len({slot.index for slot in self.wanted} | {process.slot for process in self.processes})

    @property
    def most(self) -> int:
        """The most workers there can be: each may need a second row on the board while it is replaced."""
        return self._board.seats // 2

    # Starting

    async def start(self, count: int) -> None:
        """Start `count` workers, all at once.

        Raises:
            ConfigurationError: one of them cannot start; the others have been ended.
        """
        slots = [self._slot(index) for index in range(count)]
        self._told = count
        failures = [why for why in await asyncio.gather(*map(self._bring_up, slots)) if why is not None]
        if failures and not self.stopping:
            await self.kill("start")
            raise ConfigurationError(failures[0])

    def _slot(self, index: int) -> Slot:
        """The slot of that index, made if there is none."""
        while len(self.slots) <= index:
            slot = Slot(len(self.slots), self.listeners.of(len(self.slots)))
            self.slots.append(slot)
            for process in self.serving:
                process.send(Peer(slot.index), [slot.outbox])
        return self.slots[index]

    async def _bring_up(self, slot: Slot) -> str | None:
        """Start a worker for the slot and give it the slot once it serves; None, or why it does not."""
        async with slot.lock:
            if self.stopping:  # since it has waited for its turn
                return _STOPPING
            if not self._seats:
                return "too many workers still drain; try again later"
            old = slot.current
            process = self._spawn(slot)
            slot.incoming = process
            why = await self._readiness(process)
            slot.incoming = None
            if why is None and not slot.wanted:
                why = "its slot was scaled away meanwhile"
            if why is not None:
                process.kill("start")
                return why
            self._promote(slot, process)
        if old is not None and not old.ended.done():
            self._retire(old, "successor")
            await asyncio.wait([old.ended], timeout=_REPLACED_WAIT)
        return None

    def _spawn(self, slot: Slot) -> Process:
        seat = min(self._seats)
        self._seats.remove(seat)
        order = Configure(
            app=self._target,
            settings=msgspec.json.encode(self.settings),
            slot=slot.index,
            seat=seat,
            workers=self.size,
            traceback=self._traceback,
            mends=slot.restart_at is not None,
        )
        log, log_end = os.pipe()
        self.relay.add(log)
        ends = [listener.fileno() for listener in slot.listeners]
        process = Process(order, [self._board.descriptor, log_end, slot.inbox.fileno(), *ends], self._on_asked)
        os.close(log_end)
        self.processes.add(process)
        self.do(self._watch(process, slot))
        return process

    async def _readiness(self, process: Process) -> str | None:
        timeout = self.settings.start_timeout
        await asyncio.wait([process.ready], timeout=timeout)
        if not process.ready.done():
            return f"a worker was not ready within {timeout:g} s"
        why = process.ready.result()
        if why is None and process.ended.done():  # noticed as one: it must not get the slot, which nobody would mend
            return "a worker ended as soon as it served"
        return why

    def _promote(self, slot: Slot, process: Process) -> None:
        """The slot is this worker's from now on."""
        slot.current = process
        slot.restart_at = None
        slot.backoff.started(monotonic())
        for other in self.slots:
            process.send(Peer(other.index), [other.outbox])
        if self.listeners.shared:
            return
        for other in self.slots:
            if other is not slot and other.current is not None:
                other.current.send(Release(slot.index))
            if not other.served:
                process.send(Adopt(other.index), other.listeners)

    # Ends, foreseen or not

    async def _watch(self, process: Process, slot: Slot) -> None:
        code = await process.ended
        self.processes.discard(process)
        self._board.retire(process.seat)
        self._seats.add(process.seat)
        self._tell_size()
        if slot.current is not process:
            return
        slot.current = None
        self._orphan(slot)
        if process.draining_since is not None or self.stopping or not slot.wanted:
            return
        reason = process.kill_reason or "crash"
        self.restarts[reason] += 1
        _log.error("worker %d of slot %d ended (%s, exit code %d)", process.pid, slot.index, reason, code)
        await self._restart(slot)

    async def _restart(self, slot: Slot) -> None:
        """Start workers for a slot that lost its own until one serves."""
        while slot.wanted and not slot.served and not self.stopping:
            delay = slot.backoff.failed(monotonic(), uniform(*_JITTER))
            slot.restart_at = monotonic() + delay
            await asyncio.sleep(delay)
            if slot.incoming is not None or slot.served or self.stopping:
                return  # a replacement is at it
            why = await self._bring_up(slot)
            if why is not None and not self.stopping:
                _log.error("slot %d has no worker: %s", slot.index, why)

    def _orphan(self, slot: Slot) -> None:
        """Have the others accept what arrives for a slot without a worker."""
        if not self.listeners.shared and not self.stopping:
            for process in self.serving:
                process.send(Adopt(slot.index), slot.listeners)

    def _on_asked(self, process: Process) -> None:
        """A worker was sent SIGTERM by itself: whoever did that wants it gone, not the service smaller."""
        slot = self.slots[process.slot]
        if slot.current is process and not self.leaving:
            self.do(self.replace(slot, "asked"))

    def _retire(self, process: Process, to: Heir) -> None:
        timeout = self.settings.drain_timeout
        process.drain(Drain(timeout, to))
        self.do(self._end_within(process, timeout + _END_GRACE))

    async def _end_within(self, process: Process, seconds: float) -> None:
        await asyncio.wait([process.ended], timeout=seconds)
        process.kill("drain")

    # Changes

    async def replace(self, slot: Slot, reason: str) -> str | None:
        """Put a new worker in the place of the slot's; None, or why the old one stays."""
        async with self._replacing:
            if self.stopping or not slot.wanted:
                return _STOPPING if self.stopping else None
            why = await self._bring_up(slot)
        if why is None:
            self.restarts[reason] += 1
        elif not slot.served:
            self.do(self._restart(slot))
        return why

    async def scale(self, count: int) -> str | None:
        """Have `count` workers; None, or why there are fewer."""
        if not 1 <= count <= self.most:
            return f"{count} workers: expected 1 to {self.most}; restart with another --workers for more"
        async with self._replacing:
            return await self._scale(count)

    async def _scale(self, count: int) -> str | None:
        for slot in self.slots[count:]:
            if slot.wanted:
                slot.wanted = False
                if slot.current is not None:
                    self.do(self._dismiss(slot, slot.current))
        before, made = self.wanted, len(self.slots)
        missing = [slot for slot in map(self._slot, range(count)) if not slot.wanted or slot.current is None]
        for slot in missing:
            slot.wanted = True
        for slot in self.slots[made:]:
            self._orphan(slot)  # until it has a worker: clients may reach its sockets from now on
        self._tell_size()
        for slot in missing:
            why = None if slot.served else await self._bring_up(slot)
            if why is not None:
                for each in missing:
                    each.wanted = each.served or (each in before and each is not slot)
                return why
        return None

    def _tell_size(self) -> None:
        """Have workers keep to what is their share now; those that start have to know before there is one more."""
        if self.size != self._told:
            self._told = self.size
            for process in self.processes:
                process.send(Resize(self._told))

    async def _dismiss(self, slot: Slot, process: Process) -> None:
        """End a slot's worker; the others go on with its connections and its sockets."""
        slot.current = None
        self._retire(process, "peers")
        self._orphan(slot)
        await process.ended
        with suppress(OSError):  # BlockingIOError: nothing is left in its inbox
            while self.serving:
                packet, descriptors, _, _ = socket.recv_fds(slot.inbox, PACKET, 1)
                socket.send_fds(self.slots[self.serving[0].slot].outbox, [packet], descriptors)
                for descriptor in descriptors:
                    os.close(descriptor)

    # The end

    async def stop(self, timeout: float) -> None:
        """End all workers, each within `timeout` seconds and a little."""
        self.stopping = True
        self.listeners.close()
        for process in self.processes:
            if process.state == "starting":
                process.kill("stop")  # it has nothing to finish
            process.drain(Drain(timeout, "nobody"))
        await self._all_ended(timeout + _END_GRACE)
        await self.kill("drain")

    async def kill(self, reason: str) -> None:
        """End what is left of the workers at once."""
        self.stopping = True
        for process in self.processes:
            process.kill(reason)
        await self._all_ended()

    def hurry(self) -> None:
        """Have the draining workers end now."""
        for process in self.processes:
            process.drain(Drain(0, "nobody"))

    async def _all_ended(self, timeout: float | None = None) -> None:
        ends: Iterable[asyncio.Future[int]] = [process.ended for process in self.processes]
        if ends:
            await asyncio.wait(ends, timeout=timeout)
            await asyncio.sleep(0)  # for the watchers

    def reap(self) -> None:
        """Notice ended workers; to be called at SIGCHLD."""
        for process in list(self.processes):
            process.poll()

    def do(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run it beside; an exception is logged, not lost."""
        self._tasks.begin(work).add_done_callback(_told)


def _told(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.error("the supervisor failed in %s", task, exc_info=task.exception())
