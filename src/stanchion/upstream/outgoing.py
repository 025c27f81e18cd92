"""A request as it is sent to an upstream."""

from collections.abc import Callable

from msgspec import Struct

from stanchion.http.body import Body

IDEMPOTENT = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"))
"""Methods that may be sent twice (RFC 9110 §9.2.2; QUERY by its own definition)."""


class Outgoing(Struct, eq=False):
    """`head` is the whole head, the blank line included, which tells how the body is framed."""

    method: str
    head: bytes
    content: bytes = b""
    """The body, where it is known."""
    stream: Body | None = None
    """The body, where it is still arriving; it can be sent once."""
    chunked: bool = False
    """`stream` has no length."""
    expects: bool = False
    """The head asks for 100 before the body is sent."""
    upgrade: bool = False
    """The head asks for another protocol."""
    informed: Callable[[int, list[tuple[bytes, bytes]]], None] | None = None
    """Gets the informational answers before the final one, but for 100: status and fields."""

    def __repr__(self) -> str:
        return f"<Outgoing {self.method}, {len(self.head)} bytes of head>"

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent a second time, though the first may have had its effect."""
        return self.stream is None and self.method in IDEMPOTENT
