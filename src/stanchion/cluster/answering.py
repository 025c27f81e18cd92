"""A worker's side of `asking`: what it is asked, answered on the socket that came with the question."""

import asyncio
import socket

import msgspec

from stanchion.app import Compiled
from stanchion.cache.inspecting import Find
from stanchion.cache.orders import Order
from stanchion.cluster.channel import Answered
from stanchion.data.statements.exported import Recall, exported
from stanchion.errors import StanchionError
from stanchion.policies.caches import inspector_of


async def answer(end: socket.socket, compiled: Compiled, order: Order | Recall, find: Find) -> None:
    """Answer, and close the socket; whoever asked may be gone."""
    try:
        if isinstance(order, Recall):
            databases = compiled.app.databases.items()
            said = Answered([seen for name, database in databases for seen in exported(name, database.recorder)])
        else:
            said = Answered(await inspector_of(compiled.runtime).answer(order, find))
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
