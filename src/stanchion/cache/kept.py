"""An entry as a worker's memory has it: the stored response, and what of it is worked out once."""

from collections.abc import Callable
from time import monotonic_ns
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from stanchion.cache.entry import Field, Stored
from stanchion.cache.rules import freshness
from stanchion.cache.rules.reuse import fresh_for, stale_for
from stanchion.http.coding import accepted
from stanchion.http.codings.tags import coded_tag

_OVERHEAD = 1024
"""Bytes that an entry takes besides its fields and bodies."""
_LOOK = 50_000_000


class Form(Struct, frozen=True, eq=False):
    """The response in one content coding, or in none, as it is sent."""

    stored: Stored
    media_type: str | None
    date: bytes | None
    fields: list[Field]
    """Without Content-Type and Date."""


class Kept:
    """One stored response. Everything is settled when it is made, but for its forms, made when first asked for."""

    __slots__ = ("_forms", "_looked", "_offered", "_valid", "born", "size", "stale_until", "stored", "until", "value")

    def __init__(self, stored: Stored, valid: Callable[[tuple[tuple[int, int], ...]], bool], now: float) -> None:
        """`valid` tells whether the generations of its tags are still the same; `now` is in Unix seconds."""
        self.stored = stored
        self.born = now - freshness.age(stored, now)
        """Unix seconds from which its age counts."""
        fresh = fresh_for(stored, now)
        self.until = monotonic_ns() + int(fresh * 1e9) if fresh > 0 else 0
        """Nanoseconds of CLOCK_MONOTONIC up to which it answers any plain request; 0 where each has to be looked at."""
        self.stale_until = monotonic_ns() + int((fresh + stale_for(stored)) * 1e9)
        """As `until`, for an answer that may be stale while its successor is made."""
        bodies = len(stored.body) + sum(map(len, stored.encodings.values()))
        self.size = bodies + sum(len(name) + len(value) for name, value in stored.fields) + _OVERHEAD
        self._valid = valid
        self._offered = tuple(stored.encodings)
        self._forms: dict[str | None, Form] = {}
        self._looked = 0
        self.value: Any = None
        """What the body stands for, where it is the result of a function."""

    def __repr__(self) -> str:
        return f"<Kept {self.stored.status}, {len(self.stored.body)} bytes in {1 + len(self._offered)} forms>"

    def valid(self) -> bool:
        """Whether none of its tags has been invalidated since its origin was asked."""
        return self._valid(self.stored.generations)

    def due(self, now: int) -> bool:
        """Whether it is time to look for a newer one in the tier of the machine: at most every 50 ms. `now` is in
        nanoseconds of CLOCK_MONOTONIC."""
        if now - self._looked < _LOOK:
            return False
        self._looked = now
        return True

    def form(self, accept_encoding: bytes | None) -> Form:
        """The form for a client that sent this Accept-Encoding."""
        coding = accepted(accept_encoding, self._offered) if self._offered else None
        return self._forms.get(coding) or self._formed(coding)

    def _formed(self, coding: str | None) -> Form:
        stored = coded(self.stored, coding)
        self._forms[coding] = form = Form(stored, *split(stored.fields))
        return form


class Signpost:
    """Stands at a URL's key where the answer depends on request fields: says by which ones the variants are found."""

    __slots__ = ("names", "stored")
    size = _OVERHEAD

    def __init__(self, names: tuple[bytes, ...]) -> None:
        self.names = names
        self.stored = Stored(status=0, fields=((b"vary", b",".join(names)),), body=b"", requested=0, received=0)
        """As it is in the other tiers: status 0 is no response's."""

    def __repr__(self) -> str:
        return f"<Signpost {b', '.join(self.names).decode()}>"

    def due(self, now: int) -> bool:
        """A signpost is as good as any."""
        return False


def coded(stored: Stored, coding: str | None) -> Stored:
    """The response in one of its codings; with codings at hand all forms say that they vary."""
    if not stored.encodings:
        return stored
    fields = [_coded_field(field, coding) for field in stored.fields]
    varies = [value for name, value in fields if name == b"vary"]
    if not any(b"accept-encoding" in value.lower() for value in varies):
        fields.append((b"vary", b"accept-encoding"))
    if coding is None:
        return replace(stored, fields=tuple(fields), encodings={})
    fields.append((b"content-encoding", coding.encode()))
    return replace(stored, fields=tuple(fields), body=stored.encodings[coding], encodings={})


def _coded_field(field: Field, coding: str | None) -> Field:
    name, value = field
    if name != b"etag" or coding is None:
        return field
    return name, coded_tag(value.decode("latin-1"), coding).encode("latin-1")


def split(fields: tuple[Field, ...] | list[Field]) -> tuple[str | None, bytes | None, list[Field]]:
    """Content-Type, Date, and the others: as a `Response` has them."""
    media_type = date = None
    rest = []
    for field in fields:
        name, value = field
        if name == b"content-type" and media_type is None:
            media_type = value.decode("latin-1")
        elif name == b"date":
            date = value
        else:
            rest.append(field)
    return media_type, date, rest
