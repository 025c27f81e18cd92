"""The dependency, a process of its own: one call at a time, 4 ms each, first come first served.

It also works for callers that have left, as a server does that notices too late: what it is asked in an outage stays to
be done after it. Arguments: the number of a listening socket, and of a pipe that gets a byte a call.
"""

import asyncio
import os
import socket
import sys

WORK = 0.004
"""Seconds a call takes."""
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\n42"


async def serve(listening: socket.socket, counted: int) -> None:
    """Answer until killed."""
    turn = asyncio.Lock()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            os.write(counted, b".")
            async with turn:
                await asyncio.sleep(WORK)
            writer.write(_ANSWER)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the caller has left
        finally:
            writer.close()

    server = await asyncio.start_server(answer, sock=listening, backlog=4096)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])))
