"""One declaration on one route, in a worker: what the parts of the engine have in common."""

from collections.abc import Awaitable, Callable

from msgspec import Struct

from stanchion.cache.caches import Caches, Counts
from stanchion.cache.layers import Layers
from stanchion.cache.options import CacheOptions
from stanchion.http.request import Request
from stanchion.http.response import Response


class Declaration(Struct, frozen=True, kw_only=True, eq=False):
    """What is cached, how, and where."""

    caches: Caches
    options: CacheOptions
    layers: Layers
    counts: Counts
    call: Callable[[Request], Awaitable[Response]]
    """The handler, with the policies within the cache."""
    template: str
    """The route's."""
    foreign: bool
    """The handler is an app or an upstream: it gets whole requests, and what it reads of them is not known."""

    @property
    def governs(self) -> bool:
        """The declaration says how long, not the response."""
        return self.options.ttl is not None

    @property
    def varies(self) -> frozenset[bytes]:
        """The fields that were declared to select."""
        return frozenset(name.lower().encode("latin-1") for name in self.options.vary)
