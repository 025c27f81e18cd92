"""Entity tags of representations in a coding: `"abc"` is `"abc-gzip"` in gzip (RFC 9110 §8.8.3.3).

A strong tag names certain bytes, so each coding needs its own. A weak one names what they mean, and stays.
"""

import re
from collections.abc import Iterable
from functools import lru_cache


def coded_tag(tag: str, coding: str) -> str:
    """The tag of the same representation in `coding`."""
    return f'{tag[:-1]}-{coding}"' if tag.startswith('"') and tag.endswith('"') else tag


def plain_tags(field: bytes, codings: Iterable[str]) -> bytes:
    """An If-Match or If-None-Match with the tags in one of `codings` as what they are without it."""
    return _marked(tuple(codings)).sub(_unmarked, field)


@lru_cache
def _marked(codings: tuple[str, ...]) -> re.Pattern[bytes]:
    names = "|".join(map(re.escape, codings)).encode()
    return re.compile(rb'(W/)?"([\x21\x23-\x7e\x80-\xff]*)-(?:%b)"' % names)


def _unmarked(tag: re.Match[bytes]) -> bytes:
    return tag[0] if tag[1] else b'"%b"' % tag[2]
