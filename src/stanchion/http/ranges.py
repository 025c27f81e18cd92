"""Byte ranges (RFC 9110 §14): one range of a representation whose size is known."""

import re

from stanchion.errors import HTTPError

# Real clients send 2**64 - 1; a position of more than 32 digits is ignored as malformed.
_ONE_RANGE = re.compile(rb"bytes=([0-9]{0,32})-([0-9]{0,32})", re.IGNORECASE)


def byte_range(field: bytes, size: int) -> tuple[int, int] | None:
    """Offset and count of the bytes a Range field asks for, or None where the whole is to be sent.

    The whole is sent for what is malformed, in another unit, or more than one range, all of which §14.2 lets
    a server ignore: many small ranges are a known way to multiply a server's work. An empty representation is
    always sent whole, since clients put `bytes=0-` on every request.

    Raises:
        HTTPError: 416, carrying Content-Range, where no byte of the range exists.
    """
    asked = _ONE_RANGE.fullmatch(field)
    if asked is None or size == 0:
        return None
    first, last = asked.groups()
    if not first:
        if not last:
            return None
        count = min(int(last), size)
        start = size - count
    else:
        start = int(first)
        if last and int(last) < start:
            return None
        count = min(int(last) + 1 if last else size, size) - start
    if count <= 0:
        raise HTTPError(
            f"the range lies outside the {size} bytes there are",
            status=416,
            code="range-not-satisfiable",
            headers={"Content-Range": f"bytes */{size}"},
        )
    return start, count
