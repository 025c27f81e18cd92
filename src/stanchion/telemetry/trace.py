"""Ids that follow a request from one service to the next: X-Request-Id, and W3C Trace Context's `traceparent`.

The caller's trace goes on with a span id of our own, so that the services before and behind have one trace, and so that
a log line can be found from it. Whether spans are recorded here as well is a setting; see `tracing`.
"""

import re
from collections.abc import Callable
from os import urandom
from typing import Self

from msgspec import Struct

Random = Callable[[int], bytes]
"""As many random bytes as asked for."""

SAMPLED = 0x01
"""The caller may have recorded its part of the trace (Trace Context level 1, §3.2.2.3.1)."""
_RANDOM_ID = 0x02
"""The trace id's last seven bytes are random (level 2); whoever continues the trace has to keep the flag."""
KNOWN_FLAGS = SAMPLED | _RANDOM_ID
"""Those of a trace that begins here and is sampled; others nobody has defined yet."""

_LONGEST_REQUEST_ID = 128
_TRACEPARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)


def request_id(given: bytes) -> str | None:
    """The value of an X-Request-Id field if it is sane: 1 to 128 visible ASCII characters, no space."""
    text = given.decode("latin-1")
    sane = 0 < len(text) <= _LONGEST_REQUEST_ID and text.isascii() and text.isprintable() and " " not in text
    return text if sane else None


class TraceContext(Struct, frozen=True, kw_only=True):
    """Where in a trace a request is. `str()` of it is a `traceparent` field's value, version 00."""

    trace_id: str
    """32 hexadecimal digits, lower case, not all zero."""
    span_id: str
    """16 of them, likewise; `parent-id` in the specification."""
    flags: int = 0
    """A byte."""

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"

    @classmethod
    def parse(cls, value: bytes) -> Self | None:
        """A `traceparent` field's value, or None where it is invalid and the trace has to start anew (level 1, §3.2).

        Of a later version than 00 the known beginning is read, as §3.2.4 asks; version ff is invalid.
        """
        found = _TRACEPARENT.fullmatch(value)
        if found is None:
            return None
        version, trace_id, span_id, flags, rest = found.groups()
        if version == b"ff" or (version == b"00" and rest is not None):
            return None
        if not (trace_id.strip(b"0") and span_id.strip(b"0")):
            return None
        return cls(trace_id=trace_id.decode(), span_id=span_id.decode(), flags=int(flags, 16))

    @classmethod
    def new(cls, random: Random = urandom, *, sampled: bool = True) -> Self:
        """The first context of a trace.

        It is sampled unless that was decided otherwise: a service behind that samples as its parent does,
        OpenTelemetry's default, would record nothing of any request that enters through here.
        """
        flags = KNOWN_FLAGS if sampled else _RANDOM_ID
        return cls(trace_id=_identifier(16, random), span_id=_identifier(8, random), flags=flags)

    def child(self, random: Random = urandom) -> Self:
        """The same trace from here on; flags that nobody has defined yet are cleared, as the specification asks."""
        cls = type(self)
        return cls(trace_id=self.trace_id, span_id=_identifier(8, random), flags=self.flags & KNOWN_FLAGS)


def _identifier(size: int, random: Random) -> str:
    while not any(found := random(size)):  # all zero is invalid
        pass
    return found.hex()
