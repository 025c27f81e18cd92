"""How long and how much of an upstream is borne."""

from msgspec import Struct


class Limits(Struct, frozen=True, kw_only=True):
    """Seconds, bytes and connections, of one upstream in one worker."""

    connect_timeout: float = 2.0
    """Until a connection is there, TLS handshake included; also how long one waits for a connection to become free."""
    answer_timeout: float = 30.0
    """From the last byte of the request to the head of the answer."""
    body_timeout: float = 30.0
    """Without a byte of a body: the upstream sends none, takes none, or its answer is not read."""
    keep: float = 4.0
    """How long an idle connection is kept. Shorter than the five seconds after which Node and uvicorn close theirs, so
    that requests rarely meet a connection that is just closing."""
    connections: int = 256
    """At the most, idle ones among them."""
    head: int = 64 * 1024
    """Bytes of an answer's head, informational answers before it included."""
    buffer: int = 64 * 1024
    """Bytes of an answer's body that nobody has taken before reading from the upstream pauses. A body of known length
    up to this is awaited, and then goes on in one piece."""
