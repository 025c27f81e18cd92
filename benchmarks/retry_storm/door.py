"""The dependency's door: the listening socket outlives the process behind it, so calls are counted in an outage too.

While the process is dead this one takes its calls and hangs up, as a kernel without a listener would, or keeps silent,
as a network does that loses packets.
"""

import asyncio
import os
import socket
import subprocess
import sys
from collections import deque
from contextlib import suppress
from math import inf
from pathlib import Path
from time import perf_counter

_SILENCE = 2.0
"""Seconds for which a silent connection is held: its caller has left after half a one."""
_ROOT = Path(__file__).resolve().parent.parent.parent


class Door:
    """Of one dependency; made and used on one running event loop."""

    def __init__(self) -> None:
        self.calls: list[float] = []
        """When each call came, in seconds of `perf_counter`."""
        self._loop = asyncio.get_running_loop()
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self._listening.setblocking(False)
        self._counted, self._counting = os.pipe()
        os.set_blocking(self._counted, False)
        self._loop.add_reader(self._counted, self._count)
        self._held: deque[tuple[float, socket.socket]] = deque()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """Where it is called."""
        return int(self._listening.getsockname()[1])

    def open(self) -> None:
        """Start the process: from now on calls are answered."""
        self._loop.remove_reader(self._listening)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.retry_storm.dependency", *map(str, self._passed())],
            cwd=_ROOT,
            pass_fds=self._passed(),
            start_new_session=True,
        )
        self._release()

    def shut(self, *, silent: bool) -> None:
        """Kill the process; calls then find nobody, or nobody who says a word."""
        self._kill()
        self._loop.add_reader(self._listening, self._turn_away, silent)

    def close(self) -> None:
        """End all of it."""
        self._loop.remove_reader(self._listening)
        self._loop.remove_reader(self._counted)
        self._kill()
        self._release()
        self._listening.close()
        for number in (self._counted, self._counting):
            os.close(number)

    def _passed(self) -> tuple[int, int]:
        return self._listening.fileno(), self._counting

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _count(self) -> None:
        self.calls += [perf_counter()] * len(os.read(self._counted, 65536))

    def _turn_away(self, silent: bool) -> None:
        with suppress(BlockingIOError):
            connection, _ = self._listening.accept()
            self.calls.append(perf_counter())
            if silent:
                self._held.append((perf_counter() + _SILENCE, connection))
                self._release(perf_counter())
            else:
                connection.close()

    def _release(self, now: float = inf) -> None:
        while self._held and self._held[0][0] <= now:
            self._held.popleft()[1].close()
