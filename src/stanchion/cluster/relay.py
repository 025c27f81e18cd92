"""The one writer of the log: every worker's records, whole, to standard error.

It is a thread, so that a reader of the log who stalls stops neither the supervisor nor a worker: the thread waits, the
pipes fill, and the workers drop and count (`telemetry/log_lines.py`). A pipe ends with its worker, however that ended;
what it had written until then comes out all the same, since it is in the kernel.
"""

import os
import select
from collections import deque
from selectors import EVENT_READ, DefaultSelector
from threading import Thread

from stanchion.telemetry.log_lines import INNER_NEWLINE

LONGEST_LINE = 1024 * 1024
"""Bytes of a pipe's unfinished line; one that is longer is written in pieces."""
_READ = 64 * 1024
_LAST_READS = 16
"""Of each pipe at the end: what the largest pipe holds, so that a writer that never stops cannot keep the relay."""
_STANDARD_ERROR = 2
_WRITE_WAIT = 1.0
"""Seconds between two looks whether an output that somebody has made non-blocking takes more."""


class Relay:
    """Reads pipes until they end, and writes their whole lines to a descriptor."""

    def __init__(self, output: int = _STANDARD_ERROR) -> None:
        self._output = output
        self._selector = DefaultSelector()
        self._rests: dict[int, bytes] = {}
        self._added: deque[int] = deque()
        self._closing = False
        self._wake_in, self._wake_out = os.pipe()
        self._selector.register(self._wake_in, EVENT_READ)
        self.written = 0
        """Bytes that the output has taken."""
        self.lost = 0
        """Bytes that it has refused: its reader is gone."""
        self._thread = Thread(target=self._run, name="stanchion-log-relay", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<Relay of {len(self._rests)} pipes to {self._output}>"

    def statistics(self) -> dict[str, int]:
        """Pipes that have not ended, bytes written and lost since the start."""
        return {"pipes": len(self._rests) + len(self._added), "written": self.written, "lost": self.lost}

    def add(self, descriptor: int) -> None:
        """Read this pipe until it ends, then close it. The descriptor is the relay's from here on."""
        os.set_blocking(descriptor, False)
        self._added.append(descriptor)
        os.write(self._wake_out, b"a")

    def close(self, seconds: float = 2.0) -> bool:
        """Write what is in the pipes now and end; whether that took no more than `seconds`.

        A thread that waits for a stalled output cannot be ended: it is left to end with the process.
        """
        if not self._closing:
            self._closing = True
            os.write(self._wake_out, b"c")
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._closing:
            for key, _ in self._selector.select():
                if key.fd == self._wake_in:
                    os.read(self._wake_in, _READ)
                    self._take_added()
                else:
                    self._read(key.fd)
        self._take_added()
        for descriptor in list(self._rests):
            reads = 0
            while reads < _LAST_READS and self._read(descriptor):
                reads += 1
            if descriptor in self._rests:
                self._remove(descriptor)
        self._selector.close()
        os.close(self._wake_in)
        os.close(self._wake_out)

    def _take_added(self) -> None:
        while self._added:
            descriptor = self._added[0]
            self._rests[descriptor] = b""
            self._selector.register(descriptor, EVENT_READ)
            self._added.popleft()  # only now, so that `statistics` never misses it

    def _read(self, descriptor: int) -> bool:
        """Read once and write the whole lines; whether there may be more."""
        try:
            data = os.read(descriptor, _READ)
        except BlockingIOError:
            return False
        if not data:
            self._remove(descriptor)
            return False
        end = data.rfind(b"\n") + 1
        if end:
            self._write(self._rests[descriptor] + data[:end])
            self._rests[descriptor] = data[end:]
        else:
            self._keep(descriptor, data)
        return True

    def _keep(self, descriptor: int, data: bytes) -> None:
        rest = self._rests[descriptor] + data
        if len(rest) > LONGEST_LINE:
            self._write(rest + b"\n")
            rest = b""
        self._rests[descriptor] = rest

    def _remove(self, descriptor: int) -> None:
        self._selector.unregister(descriptor)
        rest = self._rests.pop(descriptor)
        os.close(descriptor)
        if rest:
            self._write(rest + b"\n")  # its writer was killed in the midst; the next line is another's

    def _write(self, lines: bytes) -> None:
        left = memoryview(lines.replace(INNER_NEWLINE, b"\n"))
        while left:
            try:
                count = os.write(self._output, left)
            except BlockingIOError:
                select.select([], [self._output], [], _WRITE_WAIT)
                continue
            except OSError:
                self.lost += len(left)
                return
            self.written += count
            left = left[count:]
