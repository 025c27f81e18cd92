"""Admission: whether a request's work starts now, waits, or is turned away, decided before its body is read.

There are two gates, each with a queue. Work that is a task (it awaits, or runs in a thread) is bounded in number, by an
adaptive limit. Work that never awaits holds the loop; it runs in slices of 4 ms between two looks at the sockets, so
that what arrives is seen, and refused, while it is fresh. What takes less than 0.1 ms passes by both: to refuse it
would cost a tenth of that, and its place in a queue as much again.

A stream counts until its head is out, a WebSocket not at all: both last for as long as the client likes.
"""

import asyncio
from contextvars import Context
from time import monotonic_ns
from typing import Final, NamedTuple, Protocol

from stanchion.http.request import Request
from stanchion.limits.admission_queue import REASONS, AdmissionQueue
from stanchion.routing.route import Endpoint
from stanchion.settings import Settings
from stanchion.telemetry.meter import ADMITTED, LIMIT, QUEUED, SHED, WAITING
from stanchion.wire.in_flight import InFlight

HEAVY: Final = 100
"""Microseconds from which an answer without a task is looked at here: ten times what a refusal takes."""
_LIGHT: Final = 50
"""Average below which an endpoint is taken for quick again."""
_SLICE: Final = 4_000_000
"""Nanoseconds of work that hold the loop before it looks at its sockets again."""
_EXPIRY: Final = 0.01
"""Seconds between two looks at a queue that nothing moves."""
_PACED: Final = 0.001
"""Seconds until the next look at a queue whose next has to wait for its time to start."""
_NEVER: Final = 1 << 62


class Candidate(Protocol):
    """What is asked of a connection for a request that has waited; false where its client has left meanwhile."""

    def start_admitted(self, request: Request, endpoint: Endpoint, now: int) -> bool:
        """Serve it in a task; `leave` is called when it is answered."""

    def run_admitted(self, request: Request, endpoint: Endpoint) -> bool:
        """Serve it now, without a task."""

    def turn_away(self, request: Request) -> bool:
        """Answer that the server is overloaded."""


class _Entry(NamedTuple):
    connection: Candidate
    request: Request
    endpoint: Endpoint


class Admission:
    """The gates of one worker. The clock is `monotonic_ns`, the one that requests are stamped with."""

    def __init__(
        self, settings: Settings, loop: asyncio.AbstractEventLoop, cells: memoryview, context: Context
    ) -> None:
        """`context` is that of no request: one that ends must not lend its own to the next."""
        patience = int(settings.max_queue_wait * 1e9)
        self._loop = loop
        self._context = context
        self._cells = cells
        self._tasks: AdmissionQueue[_Entry] = AdmissionQueue(patience=patience, longest=settings.max_queued)
        self._heavy: AdmissionQueue[_Entry] = AdmissionQueue(patience=patience, longest=settings.max_queued)
        self._tasks.steady = False
        self._running = InFlight(settings.max_in_flight, loop, self._adapted)
        self._crowded = False  # tasks wait: who comes now waits behind them
        self._woken = 0  # when it was, nanoseconds; 0 while no look at the queues is scheduled
        self._pump_timer: asyncio.TimerHandle | None = None
        self._adapted()

    def __repr__(self) -> str:
        return f"<Admission {self._running}, {self.queued} queued>"

    @property
    def queued(self) -> int:
        """Requests that wait for their start."""
        return len(self._tasks) + len(self._heavy)

    def statistics(self) -> dict[str, int]:
        """Work in flight, its limit, and what waits."""
        return {**self._running.statistics(), "queued": self.queued}

    # What the connection calls

    def enter(self, connection: Candidate, request: Request, endpoint: Endpoint) -> bool:
        """Whether `request` may start now; else it waits here, and its connection will be called."""
        running = self._running
        if endpoint.heavy is None and not self._crowded and running.count < running.limit:
            running.count += 1  # `begin`, of which the frame is 0.1 µs
            return True
        began = request.began
        deadline = _NEVER if endpoint.due is None else endpoint.due(request)
        queue = self._tasks if endpoint.heavy is None else self._heavy
        self._cells[QUEUED] += 1
        queue.push(
            _Entry(connection, request, endpoint),
            endpoint.priority,
            # It arrived at any time of the loop's last round: half of it on average.
            since=began - running.lag // 2,
            deadline=deadline,
            now=began,
        )
        self._crowded = len(self._tasks) > 0
        if not self._woken:
            self._wake()
        return False

    def leave(self, endpoint: Endpoint, nanoseconds: int, status: int) -> None:
        """One that had entered is answered, or its stream begins; status 0 is a client that left."""
        self._running.end(endpoint, nanoseconds, counts=status not in (0, 503))
        if self._crowded:
            self._wake()

    def weigh(self, endpoint: Endpoint, microseconds: int) -> None:
        """An answer that held the loop took so long: decide whether its endpoint has to queue from now on.

        A single pause of another cause has it queue for the few requests that show the contrary.
        """
        endpoint.cost += (microseconds - endpoint.cost) / 8
        if endpoint.heavy is None and endpoint.cost >= HEAVY:
            endpoint.heavy, endpoint.inline = endpoint.inline, None
        elif endpoint.heavy is not None and endpoint.cost < _LIGHT:
            endpoint.heavy, endpoint.inline = None, endpoint.heavy

    def stop(self) -> None:
        """End the timers."""
        self._running.stop()
        if self._pump_timer is not None:
            self._pump_timer.cancel()

    # What moves the queues

    def _wake(self) -> None:
        if not self._woken:
            self._woken = monotonic_ns()
            self._loop.call_soon(self._pump, context=self._context)

    def _pump(self) -> None:
        now = monotonic_ns()
        late, self._woken = now - self._woken if self._woken else 0, 0
        if self._pump_timer is not None:
            self._pump_timer.cancel()
            self._pump_timer = None
        if self._tasks:
            self._running.look(now, late)
            self._start_tasks(now)
        if self._heavy:
            now = self._run_slice(now)
        self._refuse(self._tasks, now)
        self._refuse(self._heavy, now)
        self._crowded = len(self._tasks) > 0
        if self._heavy:
            self._wake()
        elif self._crowded:
            paced = self._running.count < self._running.limit
            self._pump_timer = self._loop.call_later(_PACED if paced else _EXPIRY, self._pump)

    def _start_tasks(self, now: int) -> None:
        while self._running.has_room(now):
            entry = self._tasks.pop(now)
            if entry is None:
                break
            if entry.connection.start_admitted(entry.request, entry.endpoint, now):
                self._running.begin()

    def _run_slice(self, now: int) -> int:
        """Run what holds the loop for a slice, one at the least; returns the time after it."""
        end = now + _SLICE
        while now < end:
            entry = self._heavy.pop(now)
            if entry is None:
                break
            connection, request, endpoint = entry
            if endpoint.heavy is None or not _at_hand(request, endpoint):
                if connection.start_admitted(request, endpoint, now):
                    self._running.begin()
            elif connection.run_admitted(request, endpoint):
                done = monotonic_ns()
                self.weigh(endpoint, (done - now) // 1000)
                now = done
        return now

    def _refuse(self, queue: AdmissionQueue[_Entry], now: int) -> None:
        if queue:
            queue.expire(now)
        cells, reasons = self._cells, len(REASONS)
        for (connection, request, _), priority, reason in queue.shed():
            if connection.turn_away(request):
                cells[SHED[priority * reasons + reason]] += 1

    def _adapted(self) -> None:
        """The limit's window is closed."""
        running, cells = self._running, self._cells
        self._tasks.steady = running.settled
        cells[LIMIT], cells[WAITING], cells[ADMITTED] = running.limit, self.queued, running.count
        if self._crowded:
            self._wake()


def _at_hand(request: Request, endpoint: Endpoint) -> bool:
    """Whether all is there that an answer without a task needs."""
    stream = request.stream
    return stream is None or (stream.complete and endpoint.takes_body)
