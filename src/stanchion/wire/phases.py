"""What a connection is waiting for, as the server's sweep sees it."""

from typing import Final

IDLE: Final = 0
"""For the first byte of a request: bounded by `keep_alive_timeout`."""
HEAD: Final = 1
"""For the rest of a request's head: bounded by `header_timeout`."""
HANDLE: Final = 2
"""For the handler: bounded by the route's own deadline, if any, not by the sweep."""
WRITE: Final = 3
"""For the client to read: bounded by `write_timeout` without progress."""
LINGER: Final = 4
"""For the client to notice that its answer is out and no more is read: bounded by two seconds."""
OPEN: Final = 5
"""For either side of a WebSocket: not bounded, but pinged."""

NAMES: Final = ("idle", "head", "handle", "write", "linger", "open")
