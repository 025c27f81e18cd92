"""The compressors: gzip, which Python has, and Brotli and Zstandard where their packages are installed.

Levels are each coding's own. `LIVE` is for an answer that is made once and sent once, `STORED` for one that is kept and
sent often. Of JSON, on the machine of docs/why/compression.md, in µs and times smaller:

                1 KiB       10 KiB       100 KiB
    zstd 1      4 2.5       14 4.6       130 5.2    live
    zstd 9     10 2.5      123 4.9     1,540 5.8    stored
    br 2        5 2.6       33 4.5       430 5.0    live
    br 5       19 2.8      130 5.0     1,350 5.6    stored; 9 and above cost 0.3 ms for any body
    gzip 2      7 2.4       24 3.9       510 4.4    live
    gzip 6      9 2.5       66 4.5     1,370 5.3    stored
"""

import threading
import zlib
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

from msgspec import Struct

_ZSTD_LIVE = 1
Step = Callable[[], bytes]
Data = bytes | memoryview


class Steps(NamedTuple):
    """A compressor at work: `feed(data)`, `flush()`, `finish()`, each returning what is to be sent."""

    feed: Callable[[Data], bytes]
    flush: Step
    finish: Step


class Coding(Struct, frozen=True, kw_only=True):
    """One coding."""

    lowest: int
    highest: int
    live: int
    stored: int
    whole: Callable[[bytes, int], bytes]
    begin: Callable[[int], Steps]


class Encoder:
    """A body that is compressed piece by piece. After `feed`, `flush` gives all that has been fed; it costs some
    bytes. For one thread at a time."""

    __slots__ = ("_steps", "coding")

    def __init__(self, coding: str, level: int | None = None) -> None:
        """`level` is of the coding's own scale; None for `LIVE`.

        Raises:
            ValueError: the coding is not available.
        """
        known = _known(coding)
        self.coding = coding
        self._steps = known.begin(known.live if level is None else level)

    def __repr__(self) -> str:
        return f"<Encoder {self.coding}>"

    def feed(self, data: Data) -> bytes:
        """Take data; what of the coded body is ready, which is often nothing."""
        return self._steps.feed(data)

    def flush(self) -> bytes:
        """What the client needs to decode all that was fed."""
        return self._steps.flush()

    def through(self, data: Data) -> bytes:
        """`feed` and `flush`."""
        return self._steps.feed(data) + self._steps.flush()

    def finish(self) -> bytes:
        """The end of the coded body."""
        return self._steps.finish()

    def all_of(self, data: Data) -> bytes:
        """`feed` and `finish`."""
        return self._steps.feed(data) + self._steps.finish()


def encode(coding: str, body: bytes, level: int | None = None) -> bytes:
    """A whole body in a coding; the same bytes each time. `level` is as for `Encoder`.

    Raises:
        ValueError: the coding is not available.
    """
    known = _known(coding)
    return known.whole(body, known.live if level is None else level)


def _known(coding: str) -> Coding:
    known = AVAILABLE.get(coding)
    if known is None:
        raise ValueError(
            f"the content coding {coding!r} is not available, only {', '.join(AVAILABLE)}; "
            "the extra `compression` installs br and zstd"
        )
    return known


def _gzip() -> Coding:
    wrapped = 31  # zlib's window of 32 KiB in gzip's format; the time in its header is 0

    def begin(level: int) -> Steps:
        compressor = zlib.compressobj(level, zlib.DEFLATED, wrapped)
        return Steps(compressor.compress, lambda: compressor.flush(zlib.Z_SYNC_FLUSH), compressor.flush)

    return Coding(
        lowest=1,
        highest=9,
        live=2,
        stored=6,
        whole=lambda body, level: zlib.compress(body, level, wrapped),
        begin=begin,
    )


def _br() -> Coding:
    brotli: Any = import_module("brotli")

    def begin(level: int) -> Steps:
        compressor = brotli.Compressor(quality=level)
        return Steps(compressor.process, compressor.flush, compressor.finish)

    return Coding(
        lowest=0,
        highest=11,
        live=2,
        stored=5,
        whole=lambda body, level: bytes(brotli.compress(body, quality=level)),
        begin=begin,
    )


def _zstd(whole: Callable[[bytes, int], bytes], begin: Callable[[int], Steps]) -> Coding:
    """Beyond level 19 windows are larger than the 8 MB that a client has to have (RFC 9659)."""
    return Coding(lowest=1, highest=19, live=_ZSTD_LIVE, stored=9, whole=whole, begin=begin)


def _zstd_of_python() -> Coding:
    zstd: Any = import_module("compression.zstd")

    def begin(level: int) -> Steps:
        compressor = zstd.ZstdCompressor(level=level)
        return Steps(compressor.compress, lambda: compressor.flush(compressor.FLUSH_BLOCK), compressor.flush)

    return _zstd(lambda body, level: zstd.compress(body, level), begin)


def _zstd_of_package() -> Coding:
    zstd: Any = import_module("zstandard")
    kept = threading.local()

    def whole(body: bytes, level: int) -> bytes:
        if level != _ZSTD_LIVE:
            return bytes(zstd.ZstdCompressor(level=level).compress(body))
        compressor = getattr(kept, "compressor", None)
        if compressor is None:  # a new one costs 14 µs; kept it holds 230 KiB a thread, at level 9 ten times that
            compressor = kept.compressor = zstd.ZstdCompressor(level=level)
        return bytes(compressor.compress(body))

    def begin(level: int) -> Steps:
        compressor = zstd.ZstdCompressor(level=level).compressobj()
        return Steps(compressor.compress, lambda: compressor.flush(zstd.COMPRESSOBJ_FLUSH_BLOCK), compressor.flush)

    return _zstd(whole, begin)


def _available() -> dict[str, Coding]:
    """Best first: what decides between codings that a client likes as well."""
    found = {}
    if find_spec("compression") is not None:  # Python 3.14 and later
        found["zstd"] = _zstd_of_python()
    elif find_spec("zstandard") is not None:
        found["zstd"] = _zstd_of_package()
    if find_spec("brotli") is not None:
        found["br"] = _br()
    return {**found, "gzip": _gzip()}


AVAILABLE = _available()
CODINGS = tuple(AVAILABLE)
"""Those that are available, best first."""
LIVE = {name: coding.live for name, coding in AVAILABLE.items()}
STORED = {name: coding.stored for name, coding in AVAILABLE.items()}
