"""How both peers of the retry storm call their dependency: HTTP over a connection of its own."""

import asyncio
from os import environ

PORT = int(environ["BENCH_DEPENDENCY"])
_REQUEST = b"GET /price HTTP/1.1\r\nHost: prices\r\nConnection: close\r\n\r\n"


async def ask() -> int:
    """The price. Raises OSError or IncompleteReadError when the dependency does not answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    try:
        writer.write(_REQUEST)
        await reader.readuntil(b"\r\n\r\n")
        return int(await reader.read())
    finally:
        writer.close()
