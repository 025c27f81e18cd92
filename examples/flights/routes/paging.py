"""Keyset pagination: a cursor is the place of a page's last flight, opaque to the client.

An offset would make the thousandth page a thousand times dearer than the first, and repeat or miss rows when
they change in between; a place in the order does neither.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from urllib.parse import urlencode

import msgspec

from examples.flights.models.flights import FlightFilter
from examples.flights.store.flights import Position
from stanchion import BadRequest

_decode = msgspec.json.Decoder(Position).decode


def encode_cursor(position: Position) -> str:
    """The position as text that is safe in a URL."""
    return urlsafe_b64encode(msgspec.json.encode(position)).rstrip(b"=").decode()


def decode_cursor(cursor: str) -> Position:
    """The position that `encode_cursor` was given.

    Raises:
        BadRequest: the text is no such cursor.
    """
    try:
        return _decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:  # of base64 or of msgspec
        raise BadRequest("the cursor is not one from a page's `next`", code="malformed-cursor") from None


def next_path(path: str, wanted: FlightFilter, limit: int, position: Position) -> str:
    """The path of the page that follows `position`, with the same filter and limit."""
    given = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value is not None}
    return f"{path}?{urlencode({**given, 'limit': limit, 'cursor': encode_cursor(position)})}"
