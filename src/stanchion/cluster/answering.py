"""A worker's side of `asking`: what it is asked, answered on the socket that came with the question."""

import asyncio
import logging
import socket

import msgspec

from stanchion.app import Compiled
from stanchion.cache.inspecting import Find
from stanchion.cache.orders import Order
from stanchion.cluster.channel import Answered
from stanchion.data.statements.exported import Recall, exported
from stanchion.errors import StanchionError
from stanchion.policies.caches import inspector_of

_log = logging.getLogger("stanchion.cluster")


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
    except Exception as error:  # whoever asks has to hear of it, and not wait for an answer that never comes
        _log.exception("a question on the control socket could not be answered: %r", order)
        said = Answered(why=f"the worker failed at it: {error!r}; its log has the traceback")
    _, writer = await asyncio.open_connection(sock=end)
    try:
        writer.write(msgspec.json.encode(said))
        await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
