"""The tier on memcached, by its meta commands (protocol.txt of memcached, 1.6 and later), on one connection.

Not aiomcache: a call of it that is cancelled by its time-out gives its connection back with the reply unread, and the
next call reads that one. Here a connection whose call was not answered in full is closed.
"""

import asyncio
from urllib.parse import urlsplit

from stanchion.cache.probing import Probing
from stanchion.cache.tiers.remote import Counts, server_key
from stanchion.errors import ConfigurationError

LARGEST = 1_000_000
"""Bytes of a value: a server takes 1 MiB with the key, unless it was started otherwise."""

_MONTH = 30 * 86400
"""Seconds; what is more a server takes for a date."""
_FAILED = (OSError, EOFError, ValueError, asyncio.LimitOverrunError)


class MemcachedTier:
    """One a worker and server; connects when it is first asked. After two failures in a row one call in a quarter of a
    second is sent, until one is answered."""

    name = "memcached"

    def __init__(self, url: str, timeout: float) -> None:
        """`timeout` in seconds, for a call with the connecting it may need.

        Raises:
            ConfigurationError: the URL is none of a memcached.
        """
        try:
            parts = urlsplit(url)
            self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 11211
        except ValueError as error:
            raise ConfigurationError(f"{url!r}: {error}; give a URL such as memcached://localhost:11211") from None
        self._timeout = timeout
        self._counts = Counts()
        self._lock = asyncio.Lock()
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._probing = Probing(f"memcached at {self._host}:{self._port}")

    def __repr__(self) -> str:
        return f"<MemcachedTier {self._host}:{self._port}, {'failing' if self.failing else 'answers'}>"

    @property
    def failing(self) -> bool:
        """Only one call in a quarter of a second is sent."""
        return self._probing.failing

    def statistics(self) -> dict[str, int]:
        """What this process has asked and stored, and what failed."""
        return self._counts.told()

    async def get(self, key: bytes) -> bytes | None:
        """As `Remote.get`."""
        reply = await self._call(b"mg %b v\r\n" % server_key(key))
        value = reply[1] if reply is not None and reply[0].startswith(b"VA ") else None
        self._counts.hits += value is not None
        self._counts.misses += value is None
        return value

    async def put(self, key: bytes, value: bytes, seconds: float) -> bool:
        """As `Remote.put`; 30 days at most."""
        if len(value) > LARGEST:
            self._counts.refused += 1
            return False
        lifetime = min(max(1, int(seconds)), _MONTH)
        reply = await self._call(b"ms %b %d T%d\r\n%b\r\n" % (server_key(key), len(value), lifetime, value))
        kept = reply is not None and reply[0].startswith(b"HD")
        self._counts.stored += kept
        return kept

    async def drop(self, key: bytes) -> None:
        """As `Remote.drop`."""
        await self._call(b"md %b\r\n" % server_key(key))

    async def clear(self) -> None:
        """Flush the server: memcached cannot list the keys of one user."""
        await self._call(b"flush_all\r\n")

    async def close(self) -> None:
        """As `Remote.close`."""
        self._hang_up()

    async def _call(self, command: bytes) -> tuple[bytes, bytes] | None:
        """The reply's first line and its value; None where there was none in time."""
        if self._probing.failing and self._lock.locked():  # another finds out whether it is back
            self._counts.failed += 1
            return None
        async with self._lock:  # its time begins with its turn: who waits behind one that hangs finds it failing
            if not self._probing.asks():
                self._counts.failed += 1
                return None
            try:
                async with asyncio.timeout(self._timeout):
                    reply = await self._exchange(command)
            except _FAILED as error:  # TimeoutError is an OSError
                self._counts.failed += 1
                self._probing.failed(error)
                return None
        self._probing.answered()
        return reply

    async def _exchange(self, command: bytes) -> tuple[bytes, bytes]:
        answered = False
        try:
            if self._connection is None:
                self._connection = await asyncio.open_connection(self._host, self._port)
            reader, writer = self._connection
            writer.write(command)
            line = await reader.readuntil(b"\r\n")
            value = b""
            if line.startswith(b"VA "):
                value = (await reader.readexactly(int(line.split()[1]) + 2))[:-2]
            answered = True
            return line, value
        finally:
            if not answered:
                self._hang_up()

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection[1].close()
            self._connection = None
