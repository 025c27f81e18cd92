"""Responses as strictly as RFC 9112 allows: anything else fails the test that reads them."""

import re
from collections.abc import Callable, Sequence

from msgspec import Struct

_STATUS = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) ([\x20-\x7e]*)")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\x20-\x7e\x80-\xff\t]*)")
_CHUNK = re.compile(rb"[0-9a-f]+")


class Answer(Struct):
    """A response as it came; field names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes = b""

    @property
    def closes(self) -> bool:
        return self.headers.get("connection") == "close"


class Reader:
    """Takes responses out of a stream; `receive` gives the next bytes, and none at the end."""

    def __init__(self, receive: Callable[[], bytes]) -> None:
        self._receive = receive
        self.data = b""

    def answer(self, method: str = "GET") -> Answer:
        """Exactly one response to a request of that method."""
        line, *lines = self.until(b"\r\n\r\n")[:-4].split(b"\r\n")
        status = _STATUS.fullmatch(line)
        assert status is not None, line
        answer = Answer(int(status[1]), _fields(lines))
        if method != "HEAD" and answer.status >= 200 and answer.status not in (204, 304):
            answer.body = self._body(answer.headers)
        return answer

    def until(self, mark: bytes) -> bytes:
        """Up to and including `mark`."""
        while mark not in self.data:
            self._more()
        found, _, self.data = self.data.partition(mark)
        return found + mark

    def exactly(self, size: int) -> bytes:
        while len(self.data) < size:
            self._more()
        found, self.data = self.data[:size], self.data[size:]
        return found

    def rest(self) -> bytes:
        """All there is until the end."""
        parts, self.data = [self.data], b""
        while part := self._receive():
            parts.append(part)
        return b"".join(parts)

    def _more(self) -> None:
        part = self._receive()
        assert part, f"the server ended after {self.data[-200:]!r}"
        self.data += part

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") == "chunked":
            return b"".join(iter(self._chunk, b""))
        if "content-length" in headers:
            return self.exactly(int(headers["content-length"]))
        return self.rest()

    def _chunk(self) -> bytes:
        size = self.until(b"\r\n")[:-2]
        assert _CHUNK.fullmatch(size), size
        chunk = self.exactly(int(size, 16))
        assert self.exactly(2) == b"\r\n"
        return chunk


def answers_in(data: bytes, methods: Sequence[str] = ()) -> list[Answer]:
    """The responses a whole connection consists of."""
    reader = Reader(lambda: b"")
    reader.data = data
    answers: list[Answer] = []
    while reader.data:
        answers.append(reader.answer(methods[len(answers)] if len(answers) < len(methods) else "GET"))
    return answers


def _fields(lines: list[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        field = _FIELD.fullmatch(line)
        assert field is not None, line
        name = field[1].decode().lower()
        assert name not in headers, line
        headers[name] = field[2].decode("latin-1")
    assert not {"content-length", "transfer-encoding"} <= headers.keys(), headers
    return headers
