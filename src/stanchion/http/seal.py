"""What a client is given only to bring it back: bytes in a text that nobody without the key can make.

It is signed, not encrypted: who has it can read it.
"""

import hmac
from base64 import b64decode, urlsafe_b64encode
from hashlib import sha256

_MAC = 16
"""Bytes of the code that go out: half of SHA-256's, which RFC 2104 §5 takes for the least that is safe."""


class Seal:
    """HMAC-SHA-256 (RFC 2104) under a key for one purpose, so that one kind of text never passes for another."""

    def __init__(self, key: bytes, purpose: str) -> None:
        """`purpose` names what is sealed: `page`."""
        self._key = hmac.digest(key, purpose.encode(), "sha256")
        self._purpose = purpose

    def __repr__(self) -> str:
        return f"<Seal for {self._purpose}>"

    def close(self, content: bytes, context: bytes) -> str:
        """`content` as text that is safe in a URL, a cookie or a field. It opens in the same `context` only, which does
        not travel with it."""
        return urlsafe_b64encode(self._mac(content, context) + content).rstrip(b"=").decode()

    def open(self, text: str, context: bytes) -> bytes | None:
        """What was sealed; None for any other text."""
        try:
            raw = b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except ValueError:  # no base64, or not even ASCII
            return None
        content = raw[_MAC:]
        return content if hmac.compare_digest(raw[:_MAC], self._mac(content, context)) else None

    def _mac(self, content: bytes, context: bytes) -> bytes:
        return hmac.digest(self._key, sha256(context).digest() + content, "sha256")[:_MAC]
