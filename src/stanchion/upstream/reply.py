"""An answer as whoever called gets it: whole."""

from typing import Any

import msgspec
from msgspec import Struct

from stanchion.http.headers import Headers


class Reply(Struct, eq=False, kw_only=True):
    """Any status is an answer; look at `status`."""

    status: int
    fields: list[tuple[bytes, bytes]]
    """As they were sent, those of the connection left out; Set-Cookie may repeat."""
    body: bytes

    def __repr__(self) -> str:
        return f"<Reply {self.status}, {len(self.body)} bytes>"  # neither fields nor body: they may hold secrets

    @property
    def headers(self) -> Headers:
        """Fields by case-insensitive name, repeated ones joined."""
        joined: dict[bytes, bytes] = {}
        for name, value in self.fields:
            lower = name.lower()
            joined[lower] = value if lower not in joined else b"%b, %b" % (joined[lower], value)
        return Headers(joined)

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.body.decode()

    def json(self, type: Any = Any) -> Any:
        """The body as JSON, converted to `type` if one is given.

        Raises:
            msgspec.DecodeError: it is no JSON, or not of that type.
        """
        return msgspec.json.decode(self.body, type=type)
