"""CDN-Cache-Control (RFC 9213): directives for caches in front of an origin, which replace Cache-Control and Expires.

It is a dictionary of RFC 9651; strictly read, since a field that does not parse is as if it were not there (§2.1).
"""

import re
from functools import lru_cache
from types import MappingProxyType

from stanchion.cache.rules.directives import Directives

_KEY = rb"[a-z*][a-z0-9_.*-]*"
_BARE = (
    rb'-?[0-9]{1,12}\.[0-9]{1,3}|-?[0-9]{1,15}|"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"'
    rb"|[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*|:[A-Za-z0-9+/=]*:|\?[01]|@-?[0-9]{1,15}"
)
_PARAMETERS = rb"(?:; *%b(?:=(?:%b))?)*" % (_KEY, _BARE)
_ITEM = rb"(?:%b)%b" % (_BARE, _PARAMETERS)
_LIST = rb"\( *(?:%b(?: +%b)* *)?\)%b" % (_ITEM, _ITEM, _PARAMETERS)
_MEMBER = re.compile(
    rb"(?P<key>%b)(?:=(?:(?P<bare>%b)%b|(?P<list>%b))|%b)" % (_KEY, _BARE, _PARAMETERS, _LIST, _PARAMETERS)
)
_ITEMS = re.compile(rb"(%b)%b" % (_BARE, _PARAMETERS))
_COMMA = re.compile(rb"[ \t]*,[ \t]*")
_SECONDS = (b"max-age", b"s-maxage", b"stale-while-revalidate", b"stale-if-error")
_MOST_BYTES = 2048


@lru_cache(512)
def parse(value: bytes) -> Directives | None:
    """The directives; None where the field is empty, is no dictionary, or has a number of seconds that is none.

    Parameters are ignored (§2.1); the last of a key that repeats counts (RFC 9651 §4.2.2).
    """
    value = value.strip(b" ")
    if not value or len(value) > _MOST_BYTES:
        return None
    found: dict[bytes, bytes | None] = {}
    position = 0
    while True:
        member = _MEMBER.match(value, position)
        if member is None:
            return None
        key, bare, inner = member.group("key", "bare", "list")
        if key in _SECONDS and not (bare or b"").isdigit():
            return None
        found.pop(key, None)
        if bare != b"?0":  # false: the directive is not given
            found[key] = _argument(bare, inner)
        position = member.end()
        if position == len(value):
            return MappingProxyType(found)
        comma = _COMMA.match(value, position)
        if comma is None or comma.end() == len(value):
            return None
        position = comma.end()


def _argument(bare: bytes | None, inner: bytes | None) -> bytes | None:
    if inner is not None:  # private=(a b): the fields it names
        return b",".join(item.strip(b'"') for item in _ITEMS.findall(inner[: inner.rindex(b")")]))
    if bare is None or bare == b"?1":
        return None
    return re.sub(rb"\\(.)", rb"\1", bare[1:-1]) if bare.startswith(b'"') else bare
