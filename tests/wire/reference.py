"""A slow, strict reading of RFC 9112, to hold the server against. It says what a connection's bytes are at most.

Where the RFC leaves a choice this takes the lenient one the server is known to take, and nothing else: any line ends
before a request line (§2.2), blanks between its parts (§3), any visible character in a path (§3.2), an empty chunk
extension before another (§7.1.1), and RTSP's name for the version of an OPTIONS, which llhttp takes for HTTP's.
"""

import re

from tests.wire.memory import Seen

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_VALUE = rb"[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?"
_REQUEST_LINE = re.compile(rb"(%b) +([\x21-\x7e]+) +HTTP/([0-9])\.([0-9])" % _TOKEN)
_RTSP_LINE = re.compile(rb"(OPTIONS) +([\x21-\x7e]+) +RTSP/([0-9])\.([0-9])")
_FIELD = re.compile(rb"(%b):[ \t]*(%b)?[ \t]*" % (_TOKEN, _VALUE))
_QUOTED = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"'
_CHUNK = re.compile(rb"([0-9A-Fa-f]+)(?:[ \t]*;[ \t]*(?:%b(?:[ \t]*=[ \t]*(?:%b|%b))?)?)*" % (_TOKEN, _TOKEN, _QUOTED))
_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+;=-]|%[0-9A-Fa-f]{2})+)(?::[0-9]*)?")
_ABSOLUTE = re.compile(rb"https?://([^/?#]+)(/[^?#]*)?(\?[^#]*)?", re.IGNORECASE)
_ORIGIN = re.compile(rb"(/[^?#]*)(\?[^#]*)?")
_NOT_IN_TRAILERS = {b"content-length", b"transfer-encoding", b"host", b"authorization", b"content-type", b"cookie"}


class Refused(Exception):
    """The bytes are not HTTP/1.1."""


class Incomplete(Exception):
    """They may become so."""


class Reading:
    """Reads requests off the front of what a connection received."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.requests: list[Seen] = []
        try:
            while self._request():
                pass
        except (Refused, Incomplete):
            pass

    def _line(self) -> bytes:
        line, end, rest = self._data.partition(b"\r\n")
        if b"\n" in line or b"\r" in line.removesuffix(b"\r"):
            raise Refused
        if not end:
            raise Incomplete
        self._data = rest
        return line

    def _fields(self) -> list[tuple[bytes, bytes]]:
        fields = []
        while line := self._line():
            field = _FIELD.fullmatch(line)
            if field is None:
                raise Refused
            fields.append((field[1].lower(), field[2] or b""))
        return fields

    def _request(self) -> bool:
        """Read one; whether another may follow."""
        self._data = self._data.lstrip(b"\r\n")
        line = self._line()
        parts = _REQUEST_LINE.fullmatch(line) or _RTSP_LINE.fullmatch(line)
        if parts is None or parts[3] != b"1" or parts[4] not in b"01":
            raise Refused
        http10 = parts[4] == b"0"
        fields = self._fields()
        host = _host(fields, http10)
        path, query, authority = _target(parts[1], parts[2], host)
        if host is None and authority is not None:
            fields.append((b"host", authority))
        length = _framing(fields, http10)
        request = Seen(parts[1].decode(), path, query, _joined(fields))
        self.requests.append(request)
        request.body = self._chunked() if length is None else self._exactly(length)
        tokens = b",".join(value for name, value in fields if name == b"connection").lower().split(b",")
        tokens = [token.strip(b" \t") for token in tokens]
        return b"close" not in tokens and (not http10 or b"keep-alive" in tokens)

    def _exactly(self, size: int) -> bytes:
        if len(self._data) < size:
            raise Incomplete
        found, self._data = self._data[:size], self._data[size:]
        return found

    def _chunked(self) -> bytes:
        body = b""
        while True:
            head = _CHUNK.fullmatch(self._line())
            if head is None:
                raise Refused
            size = int(head[1], 16)
            if size == 0:
                break
            body += self._exactly(size)
            if self._exactly(2) != b"\r\n":
                raise Refused
        if {name for name, _ in self._fields()} & _NOT_IN_TRAILERS:
            raise Refused
        return body


def _host(fields: list[tuple[bytes, bytes]], http10: bool) -> bytes | None:
    hosts = [value for name, value in fields if name == b"host"]
    if len(hosts) > 1 or (not hosts and not http10):
        raise Refused
    if hosts and _HOST.fullmatch(hosts[0]) is None:
        raise Refused
    return hosts[0] if hosts else None


def _target(method: bytes, target: bytes, host: bytes | None) -> tuple[str, str, bytes | None]:
    """Path, query, and the authority of the absolute form."""
    if target == b"*" and method == b"OPTIONS":
        return "*", "", None
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is not None:
        if host is not None and host.lower() != absolute[1].lower():
            raise Refused
        return (absolute[2] or b"/").decode(), (absolute[3] or b"")[1:].decode(), absolute[1]
    origin = _ORIGIN.fullmatch(target)
    if origin is None:
        raise Refused
    return origin[1].decode(), (origin[2] or b"")[1:].decode(), None


def _framing(fields: list[tuple[bytes, bytes]], http10: bool) -> int | None:
    """The body's length; None for chunked."""
    lengths = [value for name, value in fields if name == b"content-length"]
    codings = [value for name, value in fields if name == b"transfer-encoding"]
    if codings:
        if lengths or http10 or len(codings) > 1 or codings[0].lower() != b"chunked":
            raise Refused
        return None
    if not lengths:
        return 0
    if len(lengths) > 1 or re.fullmatch(rb"[0-9]+", lengths[0]) is None:
        raise Refused
    return int(lengths[0])


def _joined(fields: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    joined: dict[bytes, bytes] = {}
    for name, value in fields:
        if name in joined:
            joined[name] += (b"; " if name == b"cookie" else b", ") + value
        else:
            joined[name] = value
    return joined
