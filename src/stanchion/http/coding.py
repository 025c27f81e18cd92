"""Which content coding a client gets, and which bodies are worth one (RFC 9110 §8.4, §12.5.3)."""

import re
from collections.abc import Sequence
from functools import lru_cache

from stanchion.http.codings.encoders import CODINGS, LIVE, STORED, Encoder, encode

__all__ = [
    "CODINGS",
    "LIVE",
    "MIN_SIZE",
    "STORED",
    "Encoder",
    "accepted",
    "compresses",
    "compressible",
    "encode",
    "vary",
]

MIN_SIZE = 1024
"""Bytes from which a body is worth a coding. What is smaller fits into one packet with its head either way, and half of
it is saved at the most."""

_ELEMENT = re.compile(
    rb"[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*(?:;[ \t]*[qQ]=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)[ \t]*)?"
)
_SAME = {"x-gzip": "gzip"}
_LONGEST = 256
"""Bytes of a field whose outcome is remembered; what clients send has 20 to 40."""

_TYPES = frozenset(
    (
        "application/ecmascript",
        "application/graphql",
        "application/javascript",
        "application/json",
        "application/json-seq",
        "application/jsonl",
        "application/ndjson",
        "application/rtf",
        "application/sql",
        "application/toml",
        "application/vnd.ms-fontobject",
        "application/wasm",
        "application/x-javascript",
        "application/x-ndjson",
        "application/x-yaml",
        "application/xml",
        "application/yaml",
        "font/otf",
        "font/ttf",
        "image/bmp",
        "image/vnd.microsoft.icon",
        "image/x-icon",
    )
)
_SUFFIXES = ("+json", "+json-seq", "+xml", "+yaml")


def accepted(accept_encoding: bytes | None, offered: Sequence[str] = CODINGS) -> str | None:
    """The coding of `offered` to answer with; None for no coding.

    The client's highest weight decides, between equals the order of `offered`. Without the field there is no coding:
    any would be allowed, but a client that does not ask for one may not know any. If nothing is acceptable there is no
    coding either: RFC 9110 lets a server then answer 406, which helps nobody.
    """
    if not accept_encoding:
        return None
    if len(accept_encoding) > _LONGEST:
        return _chosen(accept_encoding, tuple(offered))
    return _remembered(accept_encoding, tuple(offered))


def _chosen(field: bytes, offered: tuple[str, ...]) -> str | None:
    weights = _weights(field)
    anything = weights.get("*", 0)
    best, most = None, weights.get("identity", 0)
    for coding in offered:
        weight = weights.get(coding, anything)
        if weight > most or (weight == most > 0 and best is None):
            best, most = coding, weight
    return best


_remembered = lru_cache(maxsize=256)(_chosen)


def _weights(field: bytes) -> dict[str, int]:
    """Weights in thousandths by coding; what is malformed does not count, nor what is said a second time."""
    weights: dict[str, int] = {}
    for element in field.split(b","):
        parsed = _ELEMENT.fullmatch(element)
        if parsed is not None:
            coding = parsed[1].decode().lower()
            weights.setdefault(_SAME.get(coding, coding), 1000 if parsed[2] is None else round(float(parsed[2]) * 1000))
    return weights


def compressible(media_type: str | None, size: int) -> bool:
    """Whether a body of so many bytes is worth a coding."""
    return size >= MIN_SIZE and compresses(media_type)


@lru_cache(maxsize=256)
def compresses(media_type: str | None) -> bool:
    """Whether content of this type becomes smaller: text and the like, not images, archives, or what is unknown.

    An event stream is not among them: while it is open a compressor holds 200 to 400 KiB for it.
    """
    if media_type is None:
        return False
    bare = media_type.partition(";")[0].strip().lower()
    if bare.startswith("text/"):
        return bare != "text/event-stream"
    return bare in _TYPES or bare.endswith(_SUFFIXES)


def vary(given: str | None) -> str:
    """The value of Vary for a response whose coding the client has a say in; `given` is what it has already."""
    if not given:
        return "Accept-Encoding"
    names = [name.strip().lower() for name in given.split(",")]
    return given if "*" in names or "accept-encoding" in names else f"{given}, Accept-Encoding"
