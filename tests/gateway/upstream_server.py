"""An upstream that answers as a test tells it to, byte by byte, and remembers what it was asked."""

import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple


class Asked(NamedTuple):
    """A request as it came."""

    head: bytes
    body: bytes

    @property
    def fields(self) -> dict[str, str]:
        """By lower-case name."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    @property
    def line(self) -> str:
        """The request line."""
        return self.head.decode("latin-1").partition("\r\n")[0]


Answer = Callable[[socket.socket, Asked], bool]
"""Sends what it likes; True where the connection goes on."""


class UpstreamServer:
    """A thread a connection, until `close`."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.connections = 0
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                end, _ = self._listener.accept()
                self.connections += 1
                self._open.add(end)
                threading.Thread(target=self._serve, args=(end,), daemon=True).start()

    def _serve(self, end: socket.socket) -> None:
        with suppress(OSError), end:
            rest = b""
            while True:
                while b"\r\n\r\n" not in rest:
                    if not (data := end.recv(65536)):
                        return
                    rest += data
                head, _, rest = rest.partition(b"\r\n\r\n")
                body, rest = self._body(end, head, rest)
                asked = Asked(head, body)
                self.asked.append(asked)
                if not self.answer(end, asked):
                    return
        self._open.discard(end)

    def _body(self, end: socket.socket, head: bytes, rest: bytes) -> tuple[bytes, bytes]:
        if re.search(rb"transfer-encoding: *chunked", head, re.I):
            while b"0\r\n\r\n" not in rest:
                rest += end.recv(65536)
            body, _, rest = rest.partition(b"0\r\n\r\n")
            return body, rest
        found = re.search(rb"content-length: *(\d+)", head, re.I)
        length = int(found[1]) if found else 0
        while len(rest) < length and (data := end.recv(65536)):
            rest += data
        return rest[:length], rest[length:]

    def close(self) -> None:
        """End it with all its connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # else it takes one more, for the sake of who waits in accept
        self._listener.close()
        for end in list(self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def sends(data: bytes, *, keep: bool = True) -> Answer:
    """Always this answer."""

    def answer(end: socket.socket, asked: Asked) -> bool:
        end.sendall(data)
        return keep

    return answer


def response(body: bytes = b"ok", *fields: str, status: str = "200 OK") -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body
