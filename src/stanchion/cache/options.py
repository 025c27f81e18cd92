"""What is declared of a cache: how long, for whom, by what it varies, and where it is kept."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from stanchion.http.request import Request
from stanchion.http.response import Response

Seconds = Annotated[float, Meta(ge=0, le=31_536_000)]
Tags = tuple[str, ...] | Callable[[Request, Response], "tuple[str, ...] | list[str]"]
Scope = Literal["worker", "machine", "fleet"]

MEMORY, MACHINE, STORE = "memory", "machine", "store"
"""The tiers that have a name; any other is the URL of one."""


def misplaced(tiers: Sequence[str], scope: Scope) -> str | None:
    """What is wrong with these tiers, also for this scope; None if nothing is."""
    for tier in tiers:
        if tier not in (MEMORY, MACHINE, STORE) and "://" not in tier:
            return f"tiers: {tier!r} is none of 'memory', 'machine', 'store', and no URL"
    near = {"worker": (), "machine": (MEMORY,), "fleet": (MEMORY, MACHINE)}[scope]
    if near and set(tiers) <= set(near):
        wanted = "'machine' or 'store'" if scope == "machine" else "'store'"
        return f"scope={scope!r}: what one makes the others find in a tier they share; add {wanted} to tiers={tiers!r}"
    return None


class CacheOptions(Struct, frozen=True, kw_only=True):
    """The options of `Cache`; times are in seconds."""

    ttl: Seconds | None = None
    """How long an answer is fresh. None: its own header fields say so (RFC 9111), which an upstream's do."""
    stale: Seconds = 0.0
    """How long after that it is still served at once, while one request behind it makes the next (RFC 5861)."""
    stale_if_error: Seconds = 0.0
    """How long after its freshness it stands in where the handler fails or takes too long (RFC 5861)."""
    vary: tuple[str, ...] = ()
    """Fields of the request that select the answer. What a handler reads of them adds itself; a mounted app and an
    upstream have to name theirs, here or in Vary."""
    key: Callable[[Request], str] | None = None
    """In place of the path and query: what the answer depends on. Sort or drop query parameters here."""
    tags: Any = ()
    """What it is made from, `["airport:{iata}"]` with path parameters filled in, or a function of the request and the
    response that gives them: `app.invalidate("airport:JFK")` ends whatever has one of its tags."""
    by: Literal["public", "user"] = "public"
    """`user`: each authenticated caller (`request.state["identity"]`) has answers of its own."""
    tiers: tuple[str, ...] = (MEMORY, MACHINE, STORE)
    """Where it is kept, nearest first: `memory` of the worker, `machine` for all its workers, `store` for all machines
    that share the setting `cache_store`, or the URL of a Redis, Valkey or Memcached."""
    scope: Scope = "worker"
    """Who waits for one call of the handler instead of making it as well: the requests of a worker, of all workers of
    the machine, or of all machines that share a Redis."""
    client_ttl: Seconds | None = None
    """How long clients may keep it without asking again. None: as long as `ttl`; 0 where there are tags, since no
    invalidation reaches a browser."""
    compress: bool = True
    """Keep it in the content codings too, made once."""
    surrogate_keys: bool = False
    """Send its tags, for a CDN in front to purge by: in the fields of those that `app.purge_to` names, else in
    Surrogate-Key and Cache-Tag. An answer with more tags than fit says that no CDN is to keep it."""
    name: Annotated[str, Meta(pattern=r"^[ !#-\[\]-~]{1,64}$")] = "responses"
    """In metrics: caches of one name are counted together."""

    @property
    def browsers(self) -> float:
        """Seconds that clients may keep an answer."""
        if self.client_ttl is not None:
            return self.client_ttl
        return 0.0 if self.tags else self.ttl or 0.0
