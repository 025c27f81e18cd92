"""An answer after which a connection is no longer HTTP."""

import asyncio
from collections.abc import Callable

from stanchion.http.response import Response


class Switched(Response):
    """101: from here on bytes go both ways as they are (RFC 9110 §7.8). Whoever gets it has the connection, and calls
    `ended` when it is closed."""

    other: asyncio.Transport | None = None
    """Reading from it is paused."""
    rest: bytes = b""
    """What has come from it already."""
    ended: Callable[[], object] = bool
