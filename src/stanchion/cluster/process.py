"""One worker process, as the supervisor sees it."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from time import monotonic

from stanchion.cluster.channel import Asked, Channel, Checked, Configure, Drain, Failed, Message, Ready
from stanchion.cluster.worker_signals import BLOCKED, DUMP_SIGNAL


class Process:
    """A worker from its start to its end. `ready` is done when it serves (None) or cannot (why)."""

    def __init__(self, order: Configure, descriptors: Sequence[int], on_asked: Callable[["Process"], None]) -> None:
        self.slot = order.slot
        self.seat = order.seat
        self.started = monotonic()
        self.draining_since: float | None = None
        self.kill_reason: str | None = None
        self.checks: dict[str, str] = {}
        self.docs = False
        self._on_asked = on_asked
        self._loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[str | None] = self._loop.create_future()
        self.ended: asyncio.Future[int] = self._loop.create_future()
        self.channel, theirs = Channel.pair()
        self._popen = _spawn(theirs)
        self.channel.send(order, descriptors)
        self._loop.add_reader(self.channel, self._read)

    def __repr__(self) -> str:
        return f"<Process {self.pid} of slot {self.slot}, {self.state}>"

    @property
    def pid(self) -> int:
        """Of the operating system."""
        return self._popen.pid

    @property
    def state(self) -> str:
        """`starting`, `serving`, `draining` or `ended`."""
        if self.ended.done():
            return "ended"
        if self.draining_since is not None:
            return "draining"
        return "serving" if self.serves else "starting"

    @property
    def serves(self) -> bool:
        """It takes requests and has not been told to stop."""
        alive = not self.ended.done() and self.draining_since is None
        return alive and self.ready.done() and self.ready.result() is None

    def send(self, message: Message, sockets: Sequence[socket.socket] = ()) -> bool:
        """Whether the message is on its way."""
        return self.channel.send(message, [end.fileno() for end in sockets])

    def drain(self, order: Drain) -> None:
        """Have it finish and end."""
        if self.draining_since is None:
            self.draining_since = monotonic()
        self.send(order)

    def dump_stacks(self) -> None:
        """Have it write the stacks of its threads to standard error."""
        self._signal(DUMP_SIGNAL)

    def kill(self, reason: str) -> None:
        """End it at once."""
        self.kill_reason = self.kill_reason or reason
        self._signal(signal.SIGKILL)

    def poll(self) -> None:
        """Notice its end; to be called after SIGCHLD."""
        code = self._popen.poll()
        if code is None or self.ended.done():
            return
        self._read()  # its last words
        self._loop.remove_reader(self.channel)
        self.channel.close()
        if not self.ready.done():
            self.ready.set_result(f"a worker ended at its start, {_described(code)}")
        self.ended.set_result(code)

    def _signal(self, number: int) -> None:
        if not self.ended.done():
            self._popen.send_signal(number)

    def _read(self) -> None:
        for message, _ in self.channel.waiting():
            match message:
                case Ready(docs) if not self.ready.done():
                    self.docs = docs
                    self.ready.set_result(None)
                case Failed(text) if not self.ready.done():
                    self.ready.set_result(text)
                case Checked(results):
                    self.checks = results
                case Asked():
                    self._on_asked(self)
        if self.channel.closed and not self.ended.done():
            self._loop.remove_reader(self.channel)


def _spawn(channel: socket.socket) -> "subprocess.Popen[bytes]":
    """Start a worker with its signals blocked: one that came before it has handlers would end it, or be lost."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)
    try:
        with channel:
            return subprocess.Popen(
                [sys.executable, "-m", "stanchion.cluster.worker", str(channel.fileno())],
                pass_fds=(channel.fileno(),),
                env=os.environ,
            )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _described(code: int) -> str:
    if code >= 0:
        return f"with exit code {code}"
    try:
        return f"by {signal.Signals(-code).name}"
    except ValueError:
        return f"by signal {-code}"
