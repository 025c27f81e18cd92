"""Tiers on servers that many machines share: what each call may take is bounded, and its failure is a miss."""

from hashlib import blake2b
from typing import Protocol
from urllib.parse import urlsplit

from stanchion.errors import ConfigurationError
from stanchion.redis_driver import redacted

_PREFIX = b"stanchion:cache:"


class Remote(Protocol):
    """No method raises for a server that fails, or takes much longer than the declared time."""

    name: str
    """What it is counted under: `redis` or `memcached`."""

    async def get(self, key: bytes) -> bytes | None:
        """The bytes that were put there last and have not expired, or None."""

    async def put(self, key: bytes, value: bytes, seconds: float) -> bool:
        """Keep the value for that time; False: it is too large, or the server has failed."""

    async def drop(self, key: bytes) -> None:
        """Forget a key, if there is such."""

    async def clear(self) -> None:
        """Forget everything that is stored for caches."""

    async def close(self) -> None:
        """End the connections."""

    def statistics(self) -> dict[str, int]:
        """What this process has asked and stored, and what failed."""


class Counts:
    """What a tier counts, and tells as `statistics`."""

    __slots__ = ("failed", "hits", "misses", "refused", "stored")

    def __init__(self) -> None:
        self.hits = self.misses = self.stored = self.refused = self.failed = 0

    def told(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in self.__slots__}


def server_key(key: bytes) -> bytes:
    """The key on a server: prefixed, of one length, and nothing that a client chose."""
    return _PREFIX + blake2b(key, digest_size=24).hexdigest().encode()


def remote(url: str, timeout: float) -> Remote:
    """The tier at a URL by its scheme; `timeout` in seconds, for a call.

    Raises:
        ConfigurationError: there is no such scheme, the URL cannot be read, or its driver is missing.
    """
    scheme = urlsplit(url).scheme
    if scheme in ("redis", "rediss", "valkey", "valkeys", "unix"):
        from stanchion.cache.tiers.redis_tier import RedisTier

        return RedisTier(url, timeout)
    if scheme == "memcached":
        from stanchion.cache.tiers.memcached_tier import MemcachedTier

        return MemcachedTier(url, timeout)
    raise ConfigurationError(
        f"{redacted(url)!r} is no store of a cache; give redis://HOST:PORT/DB, valkey://… or memcached://HOST:PORT"
    )
