"""A transport without a socket: what the server writes is kept for the client to read."""

import asyncio
from typing import Any, cast


class MemoryTransport(asyncio.Transport):
    """The server's end of a connection in memory. It takes all that is written: the client always reads."""

    def __init__(self, protocol: asyncio.Protocol, received: asyncio.StreamReader) -> None:
        super().__init__()
        self._protocol = protocol
        self._received = received
        self._closed = False
        self._loop = asyncio.get_running_loop()
        protocol.connection_made(self)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = cast(asyncio.Protocol, protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 0) if name == "peername" else default

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._closed:
            self._received.feed_data(bytes(data))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return self._closed

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._received.feed_eof()
            self._loop.call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        self.close()

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return 0, 1 << 30

    def get_write_buffer_size(self) -> int:
        return 0
