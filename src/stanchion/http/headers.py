"""A read-only view of a message's header fields (RFC 9110 §5).

The wire layer keeps fields as one dict of lower-case bytes, repeated fields joined by `, ` (cookies by `; `),
which is what RFC 9110 §5.3 allows a recipient to do. This view decodes a field only when it is asked for.
"""

from collections.abc import Iterator, Mapping


class Headers(Mapping[str, str]):
    """Header fields by case-insensitive name, decoded as Latin-1 (obs-text survives a round trip)."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[bytes, bytes]) -> None:
        self._fields = fields

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower().encode("latin-1", "replace")].decode("latin-1")

    def __iter__(self) -> Iterator[str]:
        return (name.decode("latin-1") for name in self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"<Headers {', '.join(self)}>"  # not the values: they may hold secrets
