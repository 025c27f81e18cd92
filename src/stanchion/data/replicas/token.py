"""What a client has seen, as a text that it brings with its next request.

It is signed: with one of its own making a client could have all its reads go to the primary.
"""

import msgspec

from stanchion.http.seal import Seal

_LONGEST = 1024
"""Characters of a text that is looked at; ours have 60 and some more for each further database."""


class Tokens:
    """Makes and reads them, under a key."""

    def __init__(self, key: bytes) -> None:
        self._seal = Seal(key, "seen")
        self._decoder = msgspec.msgpack.Decoder(dict[str, int])

    def __repr__(self) -> str:
        return f"<Tokens {self._seal!r}>"

    def made(self, positions: dict[str, int]) -> str:
        """The text, safe in a cookie or a field."""
        return self._seal.close(msgspec.msgpack.encode(positions), b"")

    def read(self, text: str) -> dict[str, int]:
        """The positions; none of what is no text of ours, or was made under another key."""
        content = self._seal.open(text, b"") if 0 < len(text) <= _LONGEST else None
        return {} if content is None else self._decoder.decode(content)
