"""A worker's side of `asking`: what it is asked of its caches, answered on the socket that came with the question."""

import asyncio
import socket

import msgspec

from stanchion.cache.inspecting import Find, Inspector
from stanchion.cache.orders import Order
from stanchion.cluster.channel import Answered
from stanchion.errors import StanchionError


async def answer(end: socket.socket, inspector: Inspector, order: Order, find: Find) -> None:
    """Answer, and close the socket; whoever asked may be gone."""
    try:
        said = Answered(await inspector.answer(order, find))
    except StanchionError as error:
        said = Answered(why=str(error))
    _, writer = await asyncio.open_connection(sock=end)
    try:
        writer.write(msgspec.json.encode(said))
        await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
