"""The fields of an answer, told apart while they arrive: those to pass on, and those of the connection.

A look-up for each is all that they cost. Names are remembered as they are spelt: an upstream spells each
of its own in one way.
"""

Field = tuple[bytes, bytes]

_CONNECTION = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"proxy-authenticate",
        b"proxy-authentication-info",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
"""Fields of one hop, RFC 9110 §7.6.1 and those that are treated like them."""
_APART = _CONNECTION | {b"content-length", b"content-type", b"date"}
_NO_TRAILERS = _APART | frozenset(
    b"age authorization cache-control content-encoding content-range etag expires host location retry-after set-cookie"
    b" vary warning".split()
)
_MOST_SPELLINGS = 1024
KNOWN: dict[bytes, bytes | None] = {}
"""What `is_apart` says, by names as they are spelt."""


def is_apart(name: bytes) -> bytes | None:
    """The name in lower case if the field is not to go on as it is, else None; which is remembered."""
    lower = name.lower()
    found = lower if lower in _APART else None
    if len(KNOWN) < _MOST_SPELLINGS:
        KNOWN[name] = found
    return found


def without_named(fields: list[Field], connection: bytes) -> list[Field]:
    """`fields` without those that the Connection field names (RFC 9110 §7.6.1)."""
    if connection in (b"keep-alive", b"close"):
        return fields
    named = {name.strip().lower() for name in connection.split(b",")} - {b"close", b"keep-alive", b""}
    return [field for field in fields if field[0].lower() not in named] if named else fields


def trailers_of(fields: list[Field]) -> list[Field]:
    """Those that may follow a body: none that would change framing, routing or who is asking (RFC 9110 §6.5.1)."""
    return [(name, value.strip()) for name, value in fields if name.lower() not in _NO_TRAILERS]
