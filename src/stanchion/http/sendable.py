"""What every way out asks of a response before a byte is sent: a body of bytes, and fields that stay in their lines."""

from functools import lru_cache

from stanchion.http.response import BYTES, TEXT, Response

_LINE_BREAKERS = frozenset("\r\n\0")


def body_bytes(response: Response) -> bytes:
    """The body as bytes, for what a handler may leave as text; fills in the media type.

    Raises:
        TypeError: the body is neither bytes nor str: its route did not encode it.
    """
    body = response.body
    if isinstance(body, str):
        response.media_type = response.media_type or TEXT
        return body.encode()
    if isinstance(body, bytes | bytearray | memoryview):
        response.media_type = response.media_type or BYTES
        return bytes(body)
    raise TypeError(f"a response body reached the wire as {type(body).__name__}; expected bytes or str")


def raw_fields(response: Response) -> list[tuple[bytes, bytes]]:
    """All of a response's fields by lower-case name, Content-Type and Date among them where it has any.

    Raises:
        ValueError: one could end its line, or is the server's.
    """
    fields: list[tuple[bytes, bytes]] = []
    if response.media_type is not None:
        check_field("content-type", response.media_type)
        fields.append((b"content-type", response.media_type.encode("latin-1")))
    if response.date is not None:
        fields.append((b"date", response.date))
    fields += [(name.lower(), value) for name, value in response.fields or ()]
    for name, value in [*(response.headers or {}).items(), *(response.more_headers or ())]:
        check_field(name, value)
        fields.append((name.lower().encode("latin-1"), value.encode("latin-1")))
    return fields


def check_field(name: str, value: str) -> None:
    """Refuse a field that could break out of its line, or that frames the message.

    Raises:
        ValueError: names the field, and what was expected.
    """
    _check_name(name)
    if not value.isprintable() and not _LINE_BREAKERS.isdisjoint(value):
        raise ValueError(f"the response header {name} contains CR, LF or NUL; encode the value first")


@lru_cache(maxsize=512)  # there are few, and this is for every one that is sent
def _check_name(name: str) -> None:
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise ValueError(f"a response header is named {name!r}; expected letters, digits and hyphens")
    if name.lower() in ("content-length", "transfer-encoding", "connection", "date"):
        raise ValueError(f"the response header {name} is set by the server; leave it out")
