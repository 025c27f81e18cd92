"""A client that keeps its connection."""

import socket


class Client:
    """One kept connection to a port, or to the Unix socket at a path."""

    def __init__(self, address: int | str) -> None:
        self._end = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        self._end.settimeout(20)
        self._end.connect(address if isinstance(address, str) else ("127.0.0.1", address))
        self._file = self._end.makefile("rb")

    def send(self, path: str, *, times: int = 1) -> None:
        """Send a GET, or several at once."""
        self._end.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * times)

    def answer(self) -> tuple[int, bytes]:
        """Status and body of the next answer.

        Raises:
            EOFError: the server has closed.
        """
        line = self._file.readline()
        if not line:
            raise EOFError("the connection was closed")
        length = 0
        while (field := self._file.readline()) != b"\r\n":
            if field.lower().startswith(b"content-length:"):
                length = int(field.split(b":")[1])
        return int(line.split()[1]), self._file.read(length)

    def get(self, path: str) -> tuple[int, bytes]:
        """Ask and wait."""
        self.send(path)
        return self.answer()

    def close(self) -> None:
        self._file.close()
        self._end.close()
