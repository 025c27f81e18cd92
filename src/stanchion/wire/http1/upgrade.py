"""From an HTTP/1.1 connection to a WebSocket, where the library for it is installed."""

import asyncio
import logging
from functools import cache
from typing import TYPE_CHECKING

from stanchion.wire.server import Server

if TYPE_CHECKING:
    from stanchion.wire.websocket import WebSocket

_log = logging.getLogger("stanchion.error")


def upgraded(server: Server, transport: asyncio.Transport, fields: dict[bytes, bytes]) -> "WebSocket | None":
    """The WebSocket for a sound handshake; None where there is no library, which is told once.

    Raises:
        HTTPError: the handshake is not sound.
    """
    if not _available():
        return None
    from stanchion.wire.websocket import WebSocket
    from stanchion.wire.websocket_opening import Opening

    return WebSocket(server, transport, Opening(fields, server.settings.max_websocket_message))


@cache
def _available() -> bool:
    try:
        import websockets  # noqa: F401  # 40 ms that only the first WebSocket costs
    except ImportError:
        _log.warning("a client asked for a WebSocket; to serve it, run: pip install 'stanchion[websocket]'")
        return False
    return True
