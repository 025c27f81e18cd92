"""Calls of the script over connections of the driver's, in bytes that are put together here.

The driver connects, with TLS, password and database, and parses replies. Its `execute_command` spends 25 µs a call
besides, and looks at the type of each argument: with 28 checks a call a check took 4.1 µs of this process, and takes
2.0. A protocol of our own in place of the driver's streams was tried: 1.75 µs, and it would have to log in by itself.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

from stanchion.limits.redis_script import DIGEST, SCRIPT, pack


class Connection(Protocol):
    """What is used of a connection of the driver's."""

    async def send_packed_command(self, command: bytes, check_health: bool) -> None: ...

    async def read_response(self, disable_decoding: bool) -> Any: ...

    async def disconnect(self, nowait: bool) -> None: ...


class Pool(Protocol):
    """What is used of its pool: it makes connections, and keeps none."""

    def make_connection(self) -> Connection: ...

    async def ensure_connection(self, connection: Any) -> None:
        """Connect if it is not, or if the other end has closed it."""


def _bulk(text: bytes) -> bytes:
    """A bulk string of RESP (the protocol's specification, "Bulk strings")."""
    return b"$%d\r\n%b\r\n" % (len(text), text)


_bulk_key = lru_cache(maxsize=4096)(_bulk)


_EVALSHA = _bulk(b"EVALSHA") + _bulk(DIGEST.encode())
_EVAL = _bulk(b"EVAL") + _bulk(SCRIPT.encode())


class RedisWire:
    """Connections to one Redis or Valkey, each with one call at a time; they are made when they are needed."""

    def __init__(self, pool: Pool, no_script: type[Exception]) -> None:
        """`no_script` is what the driver raises where there is no script."""
        self._pool = pool
        self._no_script = no_script
        self._idle: list[Connection] = []

    def __repr__(self) -> str:
        return f"<RedisWire, {len(self._idle)} connections idle>"

    async def evaluate(self, keys: Sequence[bytes], checks: Sequence[bytes]) -> bytes:
        """The script's reply to these checks, each of the key at its place.

        Raises:
            Exception: the driver's, or OSError.
        """
        connection = self._idle.pop() if self._idle else self._pool.make_connection()
        rest = _bulk(b"%d" % len(keys)) + b"".join(map(_bulk_key, keys)) + _bulk(pack(checks))
        head = b"*%d\r\n" % (4 + len(keys))
        try:
            await self._pool.ensure_connection(connection)
            try:
                reply = await _asked(connection, head + _EVALSHA + rest)
            except self._no_script:  # the server is new, or has been restarted
                reply = await _asked(connection, head + _EVAL + rest)
        except BaseException:
            await connection.disconnect(True)  # its reply may still come
            raise
        self._idle.append(connection)
        return reply

    async def clustered(self) -> bool:
        """Whether the server is a node of a Redis Cluster, which has only some of the keys.

        Raises:
            Exception: as `evaluate`.
        """
        connection = self._pool.make_connection()
        try:
            await self._pool.ensure_connection(connection)
            return b"cluster_enabled:1" in await _asked(connection, b"*2\r\n" + _bulk(b"INFO") + _bulk(b"cluster"))
        finally:
            await connection.disconnect(True)

    async def close(self) -> None:
        """Close the connections."""
        while self._idle:
            await self._idle.pop().disconnect(False)


async def _asked(connection: Connection, message: bytes) -> bytes:
    await connection.send_packed_command(message, False)
    reply: bytes = await connection.read_response(True)
    return reply
