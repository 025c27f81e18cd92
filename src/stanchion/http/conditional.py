"""Conditional requests (RFC 9110 §13), decided without I/O.

Fields come as the wire layer keeps them: raw bytes by lower-case name. What a client sends is never an error
here: a date that cannot be read is ignored, as §13.1 requires, and a malformed entity tag matches nothing.
"""

import re
from collections.abc import Mapping
from datetime import UTC
from typing import Literal

from msgspec import Struct

CONDITIONS = frozenset((b"if-match", b"if-modified-since", b"if-none-match", b"if-range", b"if-unmodified-since"))
"""The fields that make a request conditional."""

_ENTITY_TAG = re.compile(rb'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')  # no backtracking: a tag holds no quote


class Validators(Struct, frozen=True):
    """What identifies the current representation; give what there is."""

    etag: str | None = None
    """As sent, quotes included: `"33a6"`, or `W/"33a6"` for a weak one."""
    last_modified: int | None = None
    """Unix time in whole seconds."""


def precondition(method: str, fields: Mapping[bytes, bytes], current: Validators | None) -> Literal[304, 412] | None:
    """The status that answers at once, or None where the request goes on (the order is RFC 9110 §13.2.2).

    `current` is None where there is no representation yet, which is what `If-None-Match: *` asks on creation.
    """
    if (wanted := fields.get(b"if-match")) is not None:
        if not _strongly_listed(wanted, current):
            return 412
    elif (date := fields.get(b"if-unmodified-since")) is not None and _modified_after(date, current) is True:
        return 412
    reading = method in ("GET", "HEAD")
    if (known := fields.get(b"if-none-match")) is not None:
        if _weakly_listed(known, current):
            return 304 if reading else 412
    elif reading and (date := fields.get(b"if-modified-since")) is not None:
        return 304 if _modified_after(date, current) is False else None
    return None


def range_applies(if_range: bytes, current: Validators) -> bool:
    """Whether a Range is still for the current representation (If-Range, RFC 9110 §13.1.5).

    A tag is compared strongly. A date has to be exactly Last-Modified, as nginx takes it; whether the content
    changed twice within that second (§8.8.2.2) cannot be known.
    """
    if if_range.startswith(b'"'):
        return current.etag is not None and if_range == current.etag.encode("latin-1")
    return current.last_modified is not None and parse_http_date(if_range) == current.last_modified


def http_date(seconds: float) -> str:
    """Unix time as an IMF-fixdate (RFC 9110 §5.6.7)."""
    from email.utils import formatdate

    return formatdate(int(seconds), usegmt=True)


def parse_http_date(value: bytes) -> int | None:
    """Unix time of an HTTP date in any of its three forms (RFC 9110 §5.6.7); None where it is none."""
    from email.utils import parsedate_to_datetime

    try:
        parsed = parsedate_to_datetime(value.decode("latin-1"))
        # asctime names no zone; HTTP dates are UTC
        return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _modified_after(date: bytes, current: Validators | None) -> bool | None:
    """None where the condition is to be ignored: no readable date, or none to compare it with."""
    seconds = parse_http_date(date)
    if seconds is None or current is None or current.last_modified is None:
        return None
    return current.last_modified > seconds


def _weakly_listed(field: bytes, current: Validators | None) -> bool:
    if field == b"*" or current is None or current.etag is None:
        return field == b"*" and current is not None
    opaque = current.etag.encode("latin-1").removeprefix(b"W/")
    return any(listed == opaque for _, listed in _ENTITY_TAG.findall(field))


def _strongly_listed(field: bytes, current: Validators | None) -> bool:
    if field == b"*" or current is None or current.etag is None:
        return field == b"*" and current is not None
    tag = current.etag.encode("latin-1")
    return any(not weak and listed == tag for weak, listed in _ENTITY_TAG.findall(field))
