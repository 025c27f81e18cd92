"""Which of several stored responses to one URL a request gets (Vary, RFC 9111 §4.1).

Fields are normalised as §4.1 allows: blanks around commas go; in Accept-Encoding and Accept-Language case and order do
not count, since RFC 9110 §12.5 gives order no meaning. In all others it may have one for an origin.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from stanchion.cache.entry import Field, Stored

_TOKEN = re.compile(rb"[!#$%&'+.^_`|~0-9a-z-]+")
_PREFERENCES = (b"accept-encoding", b"accept-language")
_LONGEST_KEPT = 256
"""Bytes of a value whose normal form is remembered: 4,096 longer ones would be memory that clients choose."""


def names(fields: Iterable[Field]) -> tuple[bytes, ...] | None:
    """The request fields a response depends on, sorted; None where it may be reused for no other request: `Vary: *`, or
    a member that is no field name."""
    values = [value for name, value in fields if name == b"vary"]
    if not values:
        return ()
    value = b",".join(values)
    return _known_names(value) if len(value) <= _LONGEST_KEPT else _names(value)


def _names(value: bytes) -> tuple[bytes, ...] | None:
    listed = {name.strip(b" \t").lower() for name in value.split(b",")} - {b""}
    return tuple(sorted(listed)) if all(_TOKEN.fullmatch(name) for name in listed) else None


def selecting(names: Iterable[bytes], asked: Mapping[bytes, bytes]) -> tuple[tuple[bytes, bytes | None], ...]:
    """The fields with these names of a request, normalised: what `Stored.selecting` holds."""
    return tuple((name, None if (value := asked.get(name)) is None else _known(name, value)) for name in names)


def selects(stored: Stored, asked: Mapping[bytes, bytes]) -> bool:
    """Whether the request's fields are those the response was chosen by: each the same, or absent from both."""
    for name, wanted in stored.selecting:
        value = asked.get(name)
        if value is None:
            if wanted is not None:
                return False
        elif wanted != value and wanted != _known(name, value):
            return False
    return True


def secondary(names: tuple[bytes, ...], asked: Mapping[bytes, bytes]) -> bytes:
    """The part of a key that tells variants apart: no two that `selects` tells apart have the same."""
    if not names:
        return b""
    parts = [b"-" if value is None else b"%d:%b" % (len(value), value) for _, value in selecting(names, asked)]
    return b",".join(parts)


def _known(name: bytes, value: bytes) -> bytes:
    return _normal(name, value) if len(value) > _LONGEST_KEPT else _remembered(name, value)


def _normal(name: bytes, value: bytes) -> bytes:
    if b'"' in value:  # a comma may be part of a quoted string
        return value.strip(b" \t")
    listed = [member.strip(b" \t") for member in value.split(b",")]
    if name in _PREFERENCES:
        listed = sorted({b"".join(member.lower().split()) for member in listed})
    return b",".join(listed)


_known_names = lru_cache(1024)(_names)
_remembered = lru_cache(4096)(_normal)
