"""Cache-Control (RFC 9111 §5.2), read so that a mistake in it never makes a response more reusable."""

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

Directives = Mapping[bytes, bytes | None]
"""Directives by lower-case name; None for one without an argument. A quoted argument is without its quotes."""

MOST_SECONDS = 2**31
"""RFC 9111 §1.2.2: what a number of seconds that is too great counts as. 68 years."""
INVALID = b"\x00"
"""An argument that is neither a token nor a quoted string."""

NONE: Directives = MappingProxyType({})
_DIRECTIVE = re.compile(rb'([^=,"]*)(?:=((?:"(?:[^"\\]|\\.)*"|[^,"])*))?(?:,|\Z)', re.DOTALL)
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_QUALIFIED = (b"private", b"no-cache")
_MOST_BYTES = 2048
"""Longer than any real field. To read as many takes 0.6 ms, which clients could ask for again and again."""
_LONGEST_KEPT = 256
"""Bytes of a value whose directives are remembered: 2,048 longer ones would be memory that clients choose."""


def parse(value: bytes) -> Directives:
    """The directives of a field value, lines joined with commas.

    The first of a name that repeats counts (§4.2.1), of `private` and `no-cache` all do. An argument with blanks
    around it or with other characters is `INVALID`, so `max-age= 60` is there, and not a number. A quote that is not
    closed hides what follows; such a value is read as `no-store`.
    """
    return _parse(value) if len(value) > _LONGEST_KEPT else _remembered(value)


def _parse(value: bytes) -> Directives:
    found: dict[bytes, bytes | None] = {}
    position = 0
    while position < len(value) <= _MOST_BYTES:
        match = _DIRECTIVE.match(value, position)
        if match is None:
            break
        raw, argument = match.groups()
        name = raw.strip(b" \t").lower()
        if argument is not None:
            argument = INVALID if raw.endswith((b" ", b"\t")) else _argument(argument.rstrip(b" \t"))
        if name in found and name in _QUALIFIED:
            found[name] = _both(found[name], argument)
        elif name and name not in found:
            found[name] = argument
        position = match.end()
    return MappingProxyType(found if position >= len(value) else {b"no-store": None})


_remembered = lru_cache(2048)(_parse)


def _both(one: bytes | None, other: bytes | None) -> bytes | None:
    """The argument of two `private`s: without one, it holds for the whole response."""
    return b"%b,%b" % (one, other) if one and other else None


def _argument(raw: bytes) -> bytes:
    if _TOKEN.fullmatch(raw):
        return raw
    quoted = _QUOTED.fullmatch(raw)
    return INVALID if quoted is None else re.sub(rb"\\(.)", rb"\1", quoted[1], flags=re.DOTALL)


def of_request(asked: Mapping[bytes, bytes]) -> Directives:
    """What the client asks for; `Pragma: no-cache` counts where there is no Cache-Control (§5.4)."""
    value = asked.get(b"cache-control")
    if value is not None:
        return parse(value)
    pragma = asked.get(b"pragma")
    if pragma is not None and b"no-cache" in parse(pragma):
        return _NO_CACHE
    return NONE


_NO_CACHE: Directives = MappingProxyType({b"no-cache": None})


def seconds(directives: Directives, name: bytes) -> int | None:
    """The directive's seconds, None where it is absent; 0 for an argument that is no number, as §4.2.1 encourages:
    what has invalid freshness information is stale."""
    if name not in directives:
        return None
    argument = directives[name]
    return (delta_seconds(argument) or 0) if argument is not None else 0


def delta_seconds(digits: bytes) -> int | None:
    """A number of seconds (§1.2.2), at most `MOST_SECONDS`; None where it is none."""
    if not digits.isdigit():
        return None
    digits = digits.lstrip(b"0")
    return min(int(digits or b"0"), MOST_SECONDS) if len(digits) <= 10 else MOST_SECONDS


def names(argument: bytes | None) -> frozenset[bytes]:
    """The fields that a qualified `private` or `no-cache` names; none where it is not qualified, or badly."""
    listed = [name.strip(b" \t").lower() for name in (argument or b"").split(b",")]
    return frozenset(listed) if all(_TOKEN.fullmatch(name) for name in listed) else frozenset()
