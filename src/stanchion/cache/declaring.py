"""What follows from a declared cache: which answers are kept, and the fields that tell other caches the same."""

from hashlib import blake2b

from msgspec import Struct
from msgspec.structs import replace

from stanchion.cache.entry import Field, Stored
from stanchion.cache.options import CacheOptions
from stanchion.cache.rules import storing, variants
from stanchion.cache.rules.directives import parse
from stanchion.http.request import Request

KEPT = frozenset((200, 203, 300, 301, 308, 410))
"""Statuses that a declared `ttl` is for. A 404 may be a row that is about to be written, and other errors pass."""
_OVERRULED = (b"cache-control", b"cdn-cache-control", b"expires")
PRIVATE = "private, no-store"


class Made(Struct, frozen=True):
    """What the origin has answered, with its body whole."""

    status: int
    fields: list[Field]
    body: bytes
    requested: float
    """Unix seconds when the origin was asked."""
    received: float
    """Unix seconds when it had answered, or its head had arrived."""


class Declaring:
    """One declaration with a `ttl`."""

    def __init__(self, options: CacheOptions) -> None:
        assert options.ttl is not None
        self._options = options
        self._by_user = options.by == "user"
        self._cache_control = _cache_control(options).encode()
        self.varies = frozenset(name.lower().encode("latin-1") for name in options.vary)

    def __repr__(self) -> str:
        return f"<Declaring {self._cache_control.decode()}>"

    def keeps(self, status: int, fields: list[Field]) -> bool:
        """Whether the declaration is for such an answer."""
        return status in KEPT and self.shares(fields)

    def shares(self, fields: list[Field]) -> bool:
        """Whether an answer is for others too. What the handler says against it counts: `no-store`, `private` in an
        answer for all, `Vary: *`; one that sets a cookie is for one client."""
        if variants.names(fields) is None:
            return False
        for name, value in fields:
            if name == b"set-cookie":
                return False
            if name == b"cache-control":
                said = parse(value)
                if b"no-store" in said or (b"private" in said and not self._by_user):
                    return False
        return True

    def stored(self, request: Request, made: Made, read: frozenset[bytes]) -> Stored:
        """The entry; it varies by what is declared and by what was `read`."""
        options = self._options
        fields = [field for field in made.fields if field[0] not in _OVERRULED]
        fixed = any(name == b"cache-control" and b"no-transform" in parse(value) for name, value in made.fields)
        fields.append((b"cache-control", self._cache_control + b", no-transform" * fixed))
        if not any(name == b"etag" for name, _ in fields):
            fields.append((b"etag", b'"%b"' % blake2b(made.body, digest_size=12).hexdigest().encode()))
        kept = self._selected(request, made, fields, read)
        return replace(kept, lifetime=options.ttl, stale=options.stale, stale_if_error=options.stale_if_error)

    def passing(self, request: Request, made: Made, read: frozenset[bytes]) -> Stored:
        """What those who wait get of an answer that the declaration is not for, such as an error: it is as it was
        made, and fresh for no time."""
        fields = list(made.fields)
        if made.status < 400 and not any(name == b"cache-control" for name, _ in fields):
            fields.append((b"cache-control", PRIVATE.encode()))
        return replace(self._selected(request, made, fields, read), lifetime=0.0, stale=0.0, stale_if_error=0.0)

    def _selected(self, request: Request, made: Made, fields: list[Field], read: frozenset[bytes]) -> Stored:
        told = variants.names(fields) or ()
        if more := sorted((self.varies | read) - frozenset(told)):
            fields = [field for field in fields if field[0] != b"vary"]
            fields.append((b"vary", b", ".join([*told, *more])))
        return storing.stored(
            request.fields, made.status, fields, made.body, requested=made.requested, received=made.received
        )


def _cache_control(options: CacheOptions) -> str:
    """For browsers and for caches on the way.

    stale-while-revalidate is for both, so it is said only where browsers may keep the answer at all: one of them would
    go on to show what was invalidated.
    """
    browsers = int(options.browsers)
    said = ["private" if options.by == "user" else "public", f"max-age={browsers}"]
    if options.by == "public":
        said.append(f"s-maxage={int(options.ttl or 0)}")
    if browsers and options.stale:
        said.append(f"stale-while-revalidate={int(options.stale)}")
    if browsers and options.stale_if_error:
        said.append(f"stale-if-error={int(options.stale_if_error)}")
    return ", ".join(said)
