"""A raw client: it sends the bytes it is told to."""

import socket
import struct
import time
from typing import Self

from tests.wire.reader import Answer, Reader


def get(path: str = "/", *fields: str, method: str = "GET") -> bytes:
    """A request without a body."""
    lines = [f"{method} {path} HTTP/1.1", "host: a", *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def post(path: str = "/", body: bytes = b"", *fields: str) -> bytes:
    """A request with a body of known length."""
    return get(path, f"content-length: {len(body)}", *fields, method="POST") + body


def chunked(path: str, *chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    """A request with a chunked body."""
    head = get(path, "transfer-encoding: chunked", method="POST")
    return head + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + end


class Client:
    """One connection. A read that gets nothing for five seconds fails the test."""

    def __init__(self, address: tuple[str, int], receive_buffer: int | None = None) -> None:
        self._socket = socket.socket()
        if receive_buffer is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(5)
        self._socket.connect(address)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = Reader(lambda: self._socket.recv(1 << 18))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, data: bytes) -> Self:
        self._socket.sendall(data)
        return self

    def dribble(self, data: bytes, pause: float = 0.0) -> Self:
        """Send a byte a segment."""
        for start in range(len(data)):
            self._socket.sendall(data[start : start + 1])
            time.sleep(pause)
        return self

    def send_until_blocked(self, data: bytes, seconds: float) -> int:
        """Send until the socket has taken nothing for `seconds`, or all; the bytes it took."""
        sent, view = 0, memoryview(data)
        self._socket.settimeout(seconds)
        try:
            while sent < len(data):
                sent += self._socket.send(view[sent : sent + (1 << 20)])
        except TimeoutError:
            pass
        finally:
            self._socket.settimeout(5)
        return sent

    def end(self) -> Self:
        """Send no more, but go on reading (half-close)."""
        self._socket.shutdown(socket.SHUT_WR)
        return self

    def close(self) -> None:
        self._socket.close()

    def reset(self) -> None:
        """Leave with RST."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def answer(self, method: str = "GET") -> Answer:
        """Exactly one response, to a request of that method."""
        return self._reader.answer(method)

    def answers(self, count: int) -> list[Answer]:
        return [self._reader.answer() for _ in range(count)]

    def last_answer(self) -> Answer:
        """One response and then the end of the connection, with nothing between."""
        answer = self._reader.answer()
        assert self._reader.rest() == b""
        return answer

    def until(self, mark: bytes) -> bytes:
        return self._reader.until(mark)

    def exactly(self, size: int) -> bytes:
        return self._reader.exactly(size)

    def some(self, size: int) -> bytes:
        """At most `size` bytes from the socket."""
        return self._socket.recv(size)

    def rest(self) -> bytes:
        """All there is until the server closes; a reset is an error."""
        return self._reader.rest()

    def rest_or_reset(self) -> bytes:
        """What still comes before the server ends the connection, in whatever way."""
        parts = []
        try:
            while part := self._socket.recv(1 << 18):
                parts.append(part)
        except ConnectionError:
            pass
        return b"".join(parts)

    def cut(self) -> bool:
        """Whether the server ends the connection, in whatever way; what was under way is dropped."""
        try:
            self._reader.rest()
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        return True

    def silent(self, seconds: float) -> bool:
        """Whether nothing arrives for so long, not even an end."""
        self._socket.settimeout(seconds)
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return not self._reader.data
        finally:
            self._socket.settimeout(5)
        return False
