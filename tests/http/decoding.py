"""Bodies decoded as a client does."""

import zlib
from typing import Any

import brotli
import zstandard


class Decoder:
    """A coded body as it arrives."""

    def __init__(self, coding: str) -> None:
        made: dict[str, Any] = {
            "gzip": lambda: zlib.decompressobj(31).decompress,
            "br": lambda: brotli.Decompressor().process,
            "zstd": lambda: zstandard.ZstdDecompressor().decompressobj().decompress,
        }
        self.feed = made[coding]()


def decoded(coding: str | None, body: bytes) -> bytes:
    """The whole body."""
    return body if coding is None else bytes(Decoder(coding).feed(body))
