"""Log lines out of a worker: whole, never waited for, and dropped with a count when nobody takes them.

A worker has a pipe of its own to the one who writes them out (`cluster/relay.py`). A record that is several lines, as a
traceback is, travels as one: its inner newlines are NUL on the pipe and become newlines again there. So a record is a
line, and whoever reads the pipe needs no parser: up to the last newline everything is whole. Rejected: writes of at
most PIPE_BUF bytes to one shared pipe, which are atomic, but PIPE_BUF is 4,096 and a traceback through a few libraries
is 8 KiB; a length before each record, which costs a Python loop over records where this is one search and one
replacement for 64 KiB (0.9 µs), and loses its place for good after a foreign byte.
"""

import fcntl
import logging
import os
import re
import sys
from contextlib import suppress
from select import POLLERR, POLLOUT, poll
from threading import Lock
from time import gmtime, monotonic, strftime
from typing import Any, Literal

import msgspec

INNER_NEWLINE = b"\0"
"""Stands on a pipe for a newline within a record."""
MOST_KEPT = 256 * 1024
"""Bytes a writer keeps while its pipe is full."""
LONGEST_RECORD = 64 * 1024
"""Characters of a record from `logging`; what is more is cut off."""

_PIPE_SIZE = 256 * 1024
"""Bytes asked of the kernel for a pipe instead of 64 KiB, which 512 lines of an access log overfill."""
_NEWLINE = ord("\n")
_CONTROL = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""What drives a terminal or may count as the end of a line, and surrogates, which no encoding takes."""
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""A record's attributes that are not the caller's extras; taskName came with Python 3.12."""


class LineWriter:
    """Writes lines to a pipe that has no other writer; any thread may call it.

    The descriptor becomes non-blocking. What does not fit is kept up to a bound and written first by the next call;
    further lines are dropped, whole.
    """

    def __init__(self, descriptor: int, *, bound: int = MOST_KEPT) -> None:
        os.set_blocking(descriptor, False)
        _widen(descriptor)
        self._descriptor = descriptor
        self._bound = bound
        self._kept = b""
        self._lock = Lock()
        self.lines = 0
        """Taken: written, or kept to be."""
        self.dropped = 0

    def __repr__(self) -> str:
        return f"<LineWriter {self._descriptor}, {len(self._kept)} bytes kept, {self.dropped} lines dropped>"

    def statistics(self) -> dict[str, int]:
        """Lines taken and dropped since the start, bytes kept now."""
        return {"lines": self.lines, "dropped": self.dropped, "kept": len(self._kept)}

    def write(self, lines: bytes) -> None:
        """Write whole lines, the last one ended too, or keep or drop them. Never waits, never raises for the pipe."""
        with self._lock:
            self._push()
            sent = 0 if self._kept else self._send(lines)
            end = self._end_of_taken(lines, sent)
            self._kept += lines[sent:end]
            self.lines += lines.count(b"\n", 0, end)
            self.dropped += lines.count(b"\n", end)

    def write_record(self, text: str) -> None:
        """Write a record of one or more lines, which stays together; it needs no newline at its end."""
        record = text.replace("\0", "\\x00").encode("utf-8", "backslashreplace")
        self.write(record.replace(b"\n", INNER_NEWLINE) + b"\n")

    def flush(self) -> bool:
        """Write what is kept, as far as the pipe takes it; whether nothing is left."""
        with self._lock:
            self._push()
            return not self._kept

    def finish(self, seconds: float) -> bool:
        """Write what is kept before the process ends, waiting up to `seconds` for the pipe; whether nothing is left."""
        pipe = poll()
        pipe.register(self._descriptor, POLLOUT)
        end = monotonic() + seconds
        while not self.flush() and (left := end - monotonic()) > 0:
            if any(event & POLLERR for _, event in pipe.poll(left * 1000)):
                break  # nobody reads any more
        return not self._kept

    def _push(self) -> None:
        if self._kept:
            self._kept = self._kept[self._send(self._kept) :]

    def _send(self, data: bytes) -> int:
        """How many bytes the pipe has taken; one that is full or has lost its reader takes none."""
        try:
            return os.write(self._descriptor, data)
        except OSError:
            return 0

    def _end_of_taken(self, lines: bytes, sent: int) -> int:
        """Where in `lines` the dropping begins: what fits is kept, and in any case the line that is partly sent."""
        room = max(0, self._bound - len(self._kept))
        if len(lines) - sent <= room:
            return len(lines)
        end = lines.rfind(b"\n", 0, sent + room) + 1
        torn = sent > 0 and lines[sent - 1] != _NEWLINE
        return lines.index(b"\n", sent) + 1 if torn and end <= sent else max(sent, end)


class Handler(logging.Handler):
    """Gives records of `logging` to a `LineWriter`, each as one."""

    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        """Format and write; a record that cannot be formatted is reported as `logging` does."""
        try:
            text = self.format(record)
        except Exception:
            self.handleError(record)
            return
        self._writer.write_record(text)

    def flush(self) -> None:
        """Write what the pipe takes."""
        self._writer.flush()


class ConsoleFormatter(logging.Formatter):
    """For people. Lines after a record's first are indented, so that no text can pass for a record of its own."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, logger, message; then the traceback. Control characters are escaped."""
        return _escaped(_cut(super().format(record))).replace("\n", "\n  ")


class JSONFormatter(logging.Formatter):
    """One object a line: `time`, `level`, `logger`, `message`, `pid`, the record's extras, `exception`, `stack`."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON. An extra that JSON has no form for is written as its `repr`."""
        entry = {
            "time": f"{strftime('%Y-%m-%dT%H:%M:%S', gmtime(record.created))}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _cut(record.getMessage()),
            "pid": record.process,
        }
        if record.exc_info:
            entry["exception"] = _cut(self.formatException(record.exc_info))
        if record.stack_info:
            entry["stack"] = _cut(self.formatStack(record.stack_info))
        extras = {name: value for name, value in vars(record).items() if name not in _OWN and name not in entry}
        return _escaped(_encoded(entry, extras))


def configure(level: str, form: Literal["console", "json"], writer: LineWriter) -> None:
    """Log through `writer`, from a level such as `info` on, the app's own records included.

    An app that has given the root logger a handler by now has its own way; then nothing is changed.
    """
    handler = Handler(writer)
    handler.setFormatter(JSONFormatter() if form == "json" else ConsoleFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler])


def _widen(descriptor: int) -> None:
    if sys.platform == "linux":
        with suppress(OSError):  # not a pipe, or the user's pipes hold as much as they may
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)


def _cut(text: str) -> str:
    if len(text) <= LONGEST_RECORD:
        return text
    return f"{text[:LONGEST_RECORD]}\n… {len(text) - LONGEST_RECORD} characters more"


def _encoded(entry: dict[str, Any], extras: dict[str, Any]) -> str:
    try:
        return msgspec.json.encode(entry | extras, enc_hook=repr).decode()
    except (TypeError, ValueError, RecursionError):  # a surrogate, a key that is no text, an object within itself
        plain = {name: _printable(str(value)) for name, value in (entry | extras).items()}
        return msgspec.json.encode(plain).decode()


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _escaped(text: str) -> str:
    """What is escaped so is the same text within a string of JSON."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
