"""Responses as values: what a handler returns, or what its return value is made into.

A msgspec Struct for the same reason as the request. `body` may be any value on the way up; the route's
closure encodes it by the handler's annotated type, so that the wire layer only ever sees bytes or an async
iterator of bytes.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"
BYTES = "application/octet-stream"


class Received(Struct, eq=False, repr_omit_defaults=True, kw_only=True):
    """What a response has that was made elsewhere: at an upstream, or here at another time."""

    fields: list[tuple[bytes, bytes]] | None = None
    """Further fields, which go out as they are: whoever sets them knows that each is a name and a value of one line,
    and leaves out those of the connection, Content-Type and Date. Content-Length is among them only where there is no
    body to tell it by: in the answer to a HEAD, and in a 304."""
    date: bytes | None = None
    """The value of Date; None for now."""


class Response(Received, eq=False, repr_omit_defaults=True):
    """A response: `Response({"id": 7}, status=201, headers={"Location": "/orders/7"})`.

    `media_type` defaults by the body: JSON for a value, text/plain for str, application/octet-stream for
    bytes. A header that repeats goes in through `add_header`. Names and values may not contain CR, LF or NUL:
    such a response is refused with 500 before a byte of it is sent.
    """

    body: Any = b""
    status: int = 200
    media_type: str | None = None
    headers: dict[str, str] | None = None
    more_headers: list[tuple[str, str]] | None = None
    """Fields that repeat, such as Set-Cookie; see `add_header`."""

    def has_header(self, name: str) -> bool:
        """Whether there is a field of this name, in lower case, among `headers` or those made elsewhere."""
        raw = name.encode()
        return any(own.lower() == name for own in self.headers or ()) or any(
            field[0].lower() == raw for field in self.fields or ()
        )

    def add_header(self, name: str, value: str) -> None:
        """Add a field that may occur more than once."""
        if self.more_headers is None:
            self.more_headers = []
        self.more_headers.append((name, value))

    def set_header(self, name: str, value: str) -> None:
        """Set a field, replacing one of the same name, whatever its case."""
        lower = name.lower()
        kept = {key: old for key, old in (self.headers or {}).items() if key.lower() != lower}
        self.headers = {**kept, name: value}
        if self.fields is not None:
            self.fields = [field for field in self.fields if field[0].lower() != lower.encode()]

    def set_cookie(
        self,
        name: str,
        value: str,
        *,
        max_age: int | None = None,
        expires: datetime | None = None,
        path: str = "/",
        domain: str | None = None,
        secure: bool = True,
        http_only: bool = True,
        same_site: Literal["lax", "strict", "none"] = "lax",
    ) -> None:
        """Set a cookie (RFC 6265), safe by default. `max_age` is in seconds."""
        if any(c in name for c in '=;, \t"') or any(c in value for c in ";, \t"):
            raise ValueError(f"cookie {name!r}: a name or value holds separators or blanks; encode it first")
        parts = [f"{name}={value}", f"Path={path}", f"SameSite={same_site.capitalize()}"]
        if max_age is not None:
            parts.append(f"Max-Age={max_age}")
        if expires is not None:
            from email.utils import format_datetime  # 8 ms of import time that few need

            parts.append(f"Expires={format_datetime(expires, usegmt=True)}")
        if domain is not None:
            parts.append(f"Domain={domain}")
        parts += ["Secure"] * secure + ["HttpOnly"] * http_only
        self.add_header("Set-Cookie", "; ".join(parts))

    def delete_cookie(self, name: str, *, path: str = "/", domain: str | None = None) -> None:
        """Tell the client to forget a cookie."""
        self.set_cookie(name, "", max_age=0, path=path, domain=domain)


class Stream(Response):
    """A response whose body is an async iterator of bytes or str, sent as it is made, at the client's pace.

    It goes out chunked (HTTP/1.0 clients get it until close), unless its `length` is known. The iterator is closed when
    the client goes away.
    """

    length: int | None = None
    """Bytes of the whole body; if the iterator gives more or fewer the connection breaks off."""
    trailers: list[tuple[bytes, bytes]] | None = None
    """Fields to follow a chunked body, there by the time the iterator ends; as they are, like `fields`."""

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as the wire layer sends it."""
        try:
            async for chunk in self.body:
                yield chunk.encode() if isinstance(chunk, str) else chunk
        finally:
            close = getattr(self.body, "aclose", None)
            if close is not None:
                await close()


async def discard(response: Response) -> None:
    """Let go of the body of a response that nobody has begun to read: a generator of `chunks()` that was never begun
    does not clean up."""
    close = getattr(response.body, "aclose", None) if isinstance(response, Stream) else None
    if close is not None:
        await close()


ANSWERED = Stream()
"""What a call returns that has answered by way of the connection, as a mounted app may: nothing is left to send."""
