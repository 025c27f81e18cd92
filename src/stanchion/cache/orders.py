"""What an operator may ask of the caches of a worker, and what it answers: the two ends agree on them here."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from msgspec import Struct

from stanchion.errors import ConfigurationError

_PORTS = {"http": 80, "https": 443}


class Count(Struct, frozen=True, tag="count"):
    """Say what each route's cache has counted, and what the tiers hold."""


class Look(Struct, frozen=True, kw_only=True, tag="look"):
    """Say what is kept of a URL, for who would send these request fields."""

    url: str
    fields: Mapping[str, str] = {}
    user: str | None = None
    """Who has signed in, for a cache that keeps answers by user."""


class Purge(Struct, frozen=True, kw_only=True, tag="purge"):
    """Make invalid what has one of these tags or URLs, or everything."""

    tags: Sequence[str] = ()
    urls: Sequence[str] = ()
    everything: bool = False


Order = Count | Look | Purge


class RouteCounts(Struct, frozen=True, kw_only=True):
    """The cache of one route."""

    method: str
    route: str
    name: str
    """What it is counted under in metrics."""
    tiers: Sequence[str]
    counts: Mapping[str, int]
    """By `telemetry.tallies.CacheCell`, since the worker began."""


class Counted(Struct, frozen=True, kw_only=True):
    """The answer to `Count`."""

    routes: Sequence[RouteCounts]
    tiers: Mapping[str, Mapping[str, int]]
    """By name, what each says of itself."""


class Held(Struct, frozen=True, kw_only=True):
    """An entry in one tier; times are in seconds, sizes in bytes."""

    tier: str
    worker: int | None = None
    """The slot of the worker in whose memory it is; None for a tier that workers share."""
    status: int
    state: str
    """`fresh`, `stale` (it is served while it is made anew), `expired` or `invalidated`."""
    age: float
    fresh_for: float
    """Negative once it is no longer fresh."""
    size: int
    codings: Mapping[str, int]
    """Its content codings, each with the size of the body in it."""
    varies: Sequence[str]
    """Request fields that it was selected by."""


class Found(Struct, frozen=True, kw_only=True):
    """The answer to `Look`."""

    route: str | None
    """Method and template of the route that answers the URL; None where there is none with a cache."""
    tags: Sequence[str] | None = None
    """Those that were declared; None where a function makes them of the answer."""
    entries: Sequence[Held] = ()
    """Nearest first."""
    why: str = ""
    """Why there can be none."""


class Purged(Struct, frozen=True, kw_only=True):
    """The answer to `Purge`: what is invalid in all workers of this machine."""

    tags: int
    urls: int
    everything: bool
    fleet: bool | None
    """Whether the other machines have heard of it; False: they will. None where there is no fleet."""


class Place(Struct, frozen=True):
    """A URL as keys have it."""

    scheme: str
    host: str
    path: str
    query: str

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}{self.path}{'?' if self.query else ''}{self.query}"


def place(url: str) -> Place:
    """The parts of an absolute URL, as a client sends them: without a default port and a fragment.

    Raises:
        ConfigurationError: it is no URL of HTTP.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # a port or an address that is none
        raise _no_url(url) from None
    if parts.scheme not in _PORTS or not host or not url.isascii() or not url.isprintable() or " " in url:
        raise _no_url(url)
    name = f"[{host}]" if ":" in host else host
    shown = name if port in (None, _PORTS[parts.scheme]) else f"{name}:{port}"
    return Place(parts.scheme, shown, parts.path or "/", parts.query)


def _no_url(url: str) -> ConfigurationError:
    return ConfigurationError(
        f"{url!r} is no URL of HTTP; give it with its host, as clients ask for it: http://localhost:8000/airports/JFK"
    )
