"""The head of an app's answer as the fields of a `Response`."""

from time import time

from msgspec import Struct

from stanchion.asgi.messages import Message, invalid
from stanchion.cache.rules.dates import instant

_HEAD_EXPECTED = '"status" an int from 200 to 599 and "headers" pairs of bytes'
_OF_THE_WIRE = frozenset((b"transfer-encoding", b"connection"))
"""Fields the wire layer sets by itself, whatever the app says."""


class Head(Struct):
    """What `http.response.start` says; `length` is the declared Content-Length."""

    status: int
    media_type: str | None
    length: int | None
    headers: dict[str, str] | None
    more_headers: list[tuple[str, str]] | None
    date: bytes | None
    """When the app says that it made the answer: who passes it on must not say otherwise (RFC 9110 §6.6.1). None where
    it says nothing, or no date."""


def head_of(message: Message) -> Head:
    """The head that a message `http.response.start`, or one like it, gives.

    Raises:
        InvalidMessage: its status is none, or its headers are not pairs of bytes.
    """
    media_type: str | None = None
    length: int | None = None
    date: bytes | None = None
    headers: dict[str, str] | None = None
    more: list[tuple[str, str]] | None = None
    try:
        status = message["status"]
        if not 200 <= status <= 599:
            raise invalid(message, _HEAD_EXPECTED)
        for name, value in message.get("headers") or ():
            name = name.lower()
            if name == b"content-length":
                length = int(value)
            elif name == b"content-type":
                media_type = value.decode("latin-1")
            elif name == b"date":
                date = date or _date(value)
            elif name not in _OF_THE_WIRE:
                text = name.decode("latin-1")
                if headers is None:
                    headers = {text: value.decode("latin-1")}
                elif text not in headers:
                    headers[text] = value.decode("latin-1")
                else:
                    more = more or []
                    more.append((text, value.decode("latin-1")))
        return Head(int(status), media_type, length, headers, more, date)  # an http.HTTPStatus is a status as well
    except (KeyError, TypeError, ValueError, AttributeError):
        raise invalid(message, _HEAD_EXPECTED) from None


def _date(value: bytes) -> bytes | None:
    return value if instant(value, time()) is not None else None
