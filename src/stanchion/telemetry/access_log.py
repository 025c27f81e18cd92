"""One line a request: what was asked, what was answered, how long it took.

On the request path a tuple is kept: 0.2 µs, where a record of `logging` is 12. All that gathered is encoded and written
in one go, for 0.9 to 2.7 µs a line by form and ids. Neither query nor header values are logged, since they may hold
secrets; the two ids are the exception, and only if they look like ids.

What is kept of a request is its path, fields and ids, not the request, which would hold its body and a policy's state
in memory until the next flush.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from random import random as uniform
from time import gmtime, strftime, time
from typing import Literal, Protocol

import msgspec
from msgspec import Struct

from stanchion.telemetry.trace import TraceContext, request_id

MOST_WAITING = 512
"""Lines after which they are written without being asked: about 1 ms of work, and some 100 KiB."""

_LONGEST_PATH = 2048
_CLIENT_GONE = 0
_UNKNOWN = "-"
_ODD = re.compile(r"[^!-\[\]-~]")
"""Whatever could end a line or a column, drive a terminal, or be taken for the backslash of an escape."""

Form = Literal["console", "json"]


class Logged(Protocol):
    """What a line needs of a request."""

    @property
    def method(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def fields(self) -> dict[bytes, bytes]: ...

    @property
    def known_ids(self) -> tuple[str | None, str | None] | None: ...


_Ids = tuple[str | None, str | None] | None
_Kept = tuple[float, str, str, dict[bytes, bytes], _Ids, int, int, int, str]
"""In the order of `add`: making a plain tuple is 0.1 µs less than making a named one."""


class _Line(Struct, frozen=True, omit_defaults=True, tag_field="logger", tag="stanchion.access"):
    """A line as JSON; what is not known is left out."""

    time: str
    method: str
    path: str
    status: int
    bytes: int
    duration_us: int
    client: str = _UNKNOWN
    request_id: str | None = None
    trace_id: str | None = None


class AccessLog:
    """Gathers lines, and gives them to `write` as whole lines, each ended by a newline."""

    __slots__ = ("_clock", "_encode", "_lines", "_random", "_sample", "_waiting", "_write")

    def __init__(
        self,
        write: Callable[[bytes], object],
        *,
        form: Form,
        sample: float = 1.0,
        clock: Callable[[], float] = time,
        random: Callable[[], float] = uniform,
    ) -> None:
        """`sample` is the share of requests to log, 0 to 1; `random` is uniform in [0, 1), `clock` Unix time."""
        self._write = write
        self._encode = _json if form == "json" else _console
        self._sample = sample
        self._clock = clock
        self._random = random
        self._waiting: list[_Kept] = []
        self._lines = 0

    def __repr__(self) -> str:
        return f"<AccessLog {len(self._waiting)} lines waiting>"

    def statistics(self) -> dict[str, int]:
        """Lines written, and those that wait for `flush`."""
        return {"lines": self._lines, "waiting": len(self._waiting)}

    def add(self, request: Logged, status: int, sent: int, microseconds: int, client: str = _UNKNOWN) -> None:
        """Note how a request ended; a 5xx always, others by the sample.

        Status 0 is an answer that was not given, or not whole, because the client had left. `sent` counts bytes with
        the head; `client` is an address, worked out once a connection.
        """
        if status < 500 and self._sample < 1.0 and self._random() >= self._sample:
            return
        waiting = self._waiting
        waiting.append(
            (
                self._clock(),
                request.method,
                request.path,
                request.fields,
                request.known_ids,
                status,
                sent,
                microseconds,
                client,
            )
        )
        if len(waiting) >= MOST_WAITING:
            self.flush()

    def flush(self) -> None:
        """Encode and write what has gathered."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._lines += len(waiting)
            self._write(self._encode([_line(kept) for kept in waiting]))


def _line(kept: _Kept) -> _Line:
    at, method, path, fields, known_ids, status, sent, microseconds, client = kept
    known_id, traceparent = known_ids or (None, None)
    if known_id is None and b"x-request-id" in fields:
        known_id = request_id(fields[b"x-request-id"])
    trace_id = traceparent[3:35] if traceparent is not None else None
    if trace_id is None and b"traceparent" in fields:
        context = TraceContext.parse(fields[b"traceparent"])
        trace_id = None if context is None else context.trace_id
    return _Line(_time(at), method, _escaped(path), status, sent, microseconds, client, known_id, trace_id)


_json: Callable[[list[_Line]], bytes] = msgspec.json.Encoder().encode_lines


def _console(lines: list[_Line]) -> bytes:
    return "".join(map(_console_line, lines)).encode()


def _console_line(line: _Line) -> str:
    status = "gone" if line.status == _CLIENT_GONE else line.status
    ids = " ".join(filter(None, (line.request_id or _UNKNOWN, line.trace_id)))
    took = f"{line.duration_us / 1000:.1f} ms"
    return f"{line.time} {status} {line.method} {line.path} {took} {line.bytes} B {line.client} {ids}\n"


def _time(seconds: float) -> str:
    """Unix time as RFC 3339 in UTC, with milliseconds."""
    whole, thousandths = divmod(int(seconds * 1000), 1000)
    return f"{_second(whole)}.{thousandths:03d}Z"


@lru_cache(maxsize=2)  # the lines of a flush are of one second or two; 1 µs a line without
def _second(whole: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(whole))


def _escaped(path: str) -> str:
    """A path that is one column of one line; what is odd becomes `\\x1b` or `\\u2028`, a backslash `\\x5c`."""
    if len(path) > _LONGEST_PATH:
        path = path[:_LONGEST_PATH] + "..."
    return _ODD.sub(_escape, path) if _ODD.search(path) else path


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
