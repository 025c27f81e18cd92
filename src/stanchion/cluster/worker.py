"""A worker: `python -m stanchion.cluster.worker DESCRIPTOR`, started by the supervisor and by nobody else.

It gets everything over its channel, serves until it is told to drain, and ends by itself when the supervisor is gone.
"""

import asyncio
import faulthandler
import gc
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from functools import partial

import msgspec

from stanchion.app import App, Compiled
from stanchion.board import Board, Counter, Gauge
from stanchion.builtin import DOCS_PATH
from stanchion.cluster.accepting import Accepting
from stanchion.cluster.answering import answer
from stanchion.cluster.beat import Beat
from stanchion.cluster.channel import (
    Adopt,
    Asked,
    Channel,
    Checked,
    Configure,
    Drain,
    Failed,
    Peer,
    Question,
    Ready,
    Release,
    Resize,
    cut,
)
from stanchion.cluster.checks import Checks
from stanchion.cluster.handover import Handover
from stanchion.cluster.states import DRAINING, SERVING
from stanchion.cluster.worker_signals import BLOCKED, DUMP_SIGNAL
from stanchion.errors import ConfigurationError
from stanchion.policies.runtime import Runtime
from stanchion.policies.tallied import tallied
from stanchion.settings import Settings
from stanchion.target import load_app
from stanchion.tasks import Tasks
from stanchion.telemetry.access_log import AccessLog
from stanchion.telemetry.log_lines import LineWriter, configure
from stanchion.telemetry.meter import Meter
from stanchion.telemetry.tallies import TRACES
from stanchion.telemetry.tracer import tracer_of
from stanchion.wire.connection import Move
from stanchion.wire.loop import new_loop
from stanchion.wire.server import Server
from stanchion.wire.watchdog import Watchdog

_REFRESH = 1.0
_FLUSH = 0.2
_LAST_SPANS = 2.0
"""Seconds at the end to send them in."""
_YOUNG = 20_000
"""Objects made and not freed before the collector looks at them. At its 700, some dozens of requests in flight were
gone through again and again, only to be found alive: 2 of 24 µs of a read from a database."""


class Worker:
    """One worker's life, from its app to its end."""

    def __init__(self, channel: Channel, order: Configure, descriptors: list[int]) -> None:
        board, log, inbox, *listeners = descriptors
        self._channel = channel
        self._order = order
        self._settings = msgspec.json.decode(order.settings, type=Settings)
        self._board = Board.attach(board)
        self._row = self._board.row(order.seat)
        self._lines = LineWriter(log)
        self._inbox = socket.socket(fileno=inbox)
        self._listeners = [socket.socket(fileno=number) for number in listeners]
        self._drain: Drain | None = None
        self._stop = asyncio.Event()
        self._tasks = Tasks()

    def __repr__(self) -> str:
        return f"<Worker of slot {self._order.slot}{' draining' if self._drain else ''}>"

    def run(self) -> None:
        """Serve until told to drain.

        Raises:
            ConfigurationError: the app cannot be imported, compiled or started.
        """
        self._beat = Beat(self._row, self._order.slot, self._settings.drain_timeout + 5)
        app = load_app(self._order.app, show_traceback=self._order.traceback)
        configure(self._settings.log_level, self._settings.log_format, self._lines)
        runtime = Runtime(self._settings, board=self._board, seat=self._order.seat, workers=self._order.workers)
        compiled = app.compile(self._settings, runtime)
        self._tracer = tracer_of(self._settings, app.name)
        if self._tracer is not None:
            self._tracer.publish()
            tallied(runtime, TRACES, "spans", self._tracer.counts)
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(self._live(app, compiled))

    async def _live(self, app: App, compiled: Compiled) -> None:
        loop = asyncio.get_running_loop()
        async with compiled.lifespan():
            if self._order.mends:
                await compiled.mend()
            log = self._access_log()
            meter = Meter(self._board, self._order.seat)
            server = Server(compiled, self._settings, loop, meter=meter, log=log, tracing=self._tracer)
            self._server, self._compiled = server, compiled
            self._accepting = Accepting(server)
            self._handover = Handover(server, self._board, self._order.slot, self._inbox)
            checks = Checks(app.checks, self._settings, lambda results: self._channel.send(Checked(results)))
            self._beat.start(loop)
            watchdog = self._watchdog(app, loop)
            self._channel.set_blocking(False)
            loop.add_reader(self._channel, self._read)
            await self._accepting.start(self._order.slot, self._listeners)
            gc.collect()
            gc.freeze()  # what start-up made stays: full collections need not look at it again
            gc.set_threshold(_YOUNG, 10, 10)
            self._begin(loop, log, checks)
            await self._stop.wait()
            await self._finish(compiled)
            checks.stop()
        if watchdog is not None:
            watchdog.stop()
        self._beat.stop()
        if self._tracer is not None:
            self._tracer.close(_LAST_SPANS)
            server.settle_counts()
        if log is not None:
            log.flush()
        self._lines.finish(1.0)

    def _watchdog(self, app: App, loop: asyncio.AbstractEventLoop) -> Watchdog | None:
        settings = self._settings
        if not settings.blocked_after:
            return None
        watchdog = Watchdog(settings.blocked_after, app.decisions)
        watchdog.start(loop)
        return watchdog

    def _access_log(self) -> AccessLog | None:
        settings = self._settings
        if not settings.access_log:
            return None
        return AccessLog(self._lines.write, form=settings.log_format, sample=settings.access_log_sample)

    def _begin(self, loop: asyncio.AbstractEventLoop, log: AccessLog | None, checks: Checks) -> None:
        """Say that this worker serves, and start what it does besides."""
        self._row.cells[Gauge.STATE] = SERVING
        signal.signal(signal.SIGTERM, lambda *_: self._channel.send(Asked()))
        self._every(loop, _REFRESH, self._handover.refresh)
        self._every(loop, _FLUSH, partial(self._flush, log))
        self._server.place = self._handover.place
        checks.start(loop)
        endpoint, _ = self._server.find("GET", DOCS_PATH)
        self._channel.send(Ready(docs=endpoint is not None))

    def _every(self, loop: asyncio.AbstractEventLoop, seconds: float, work: Callable[[], None]) -> None:
        def again() -> None:
            loop.call_later(seconds, again)
            work()

        again()

    def _flush(self, log: AccessLog | None) -> None:
        if log is not None:
            log.flush()
        self._lines.flush()
        cells = self._row.cells
        cells[Counter.LOG_LINES], cells[Counter.LOG_DROPPED] = self._lines.lines, self._lines.dropped

    def _read(self) -> None:
        for message, descriptors in self._channel.waiting():
            self._obey(message, descriptors)
        if self._channel.closed:  # the supervisor is gone, and with it everyone who could take connections
            asyncio.get_running_loop().remove_reader(self._channel)
            self._obey(Drain(self._settings.drain_timeout, "nobody"), [])

    def _obey(self, message: object, descriptors: list[int]) -> None:
        sockets = [socket.socket(fileno=number) for number in descriptors]
        match message:
            case Peer(slot):
                self._handover.add_peer(slot, sockets[0])
            case Adopt(slot) if self._drain is None:
                self._tasks.begin(self._accepting.start(slot, sockets))
            case Release(slot):  # after the start that may have been asked for in the same breath
                asyncio.get_running_loop().call_soon(self._accepting.stop, slot)
            case Resize(workers) if self._drain is None:
                self._compiled.resize(workers)
            case Question(order):
                self._server.settle_counts()  # so that the answer tells of what was just answered
                self._tasks.begin(answer(sockets[0], self._compiled, order, self._server.find))
            case Drain() if self._drain is None:
                self._drain = message
                self._stop.set()
            case Drain(timeout):
                self._server.draining.hurry(timeout)

    async def _finish(self, compiled: Compiled) -> None:
        order = self._drain
        assert order is not None
        self._row.cells[Gauge.STATE] = DRAINING
        self._handover.stop()
        heirs: dict[str, Move] = {"successor": self._handover.to_successor, "peers": self._handover.to_peers}
        if order.to == "nobody":
            await self._accepting.finish()
        else:
            self._accepting.stop_all()
        if order.to == "successor":
            self._handover.retire()
            compiled.retire()
        await self._server.drain(order.timeout, heirs.get(order.to))
        await compiled.drain(self._server.draining.left)
        self._handover.retire()
        self._server.stop()


def main() -> int:
    """Run the worker whose channel is the descriptor in the first argument; returns the exit code."""
    faulthandler.register(DUMP_SIGNAL, all_threads=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches the whole group; the supervisor decides
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, BLOCKED)
    channel = Channel(socket.socket(fileno=int(sys.argv[1])))
    received = channel.receive()
    if received is None:
        return 1  # the supervisor is gone already
    order = received[0]
    assert isinstance(order, Configure)
    try:
        Worker(channel, order, received[1]).run()
    except ConfigurationError as error:
        channel.send(Failed(cut(str(error))))
        return 2
    except Exception as error:
        traceback.print_exc()
        channel.send(Failed(cut(f"{type(error).__name__}: {error}")))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
