"""The opening handshake of a WebSocket (RFC 6455 §4.2), by the sans-I/O core of the `websockets` library.

Imported when the first client asks for a WebSocket: whoever serves none need not have the library.
"""

import logging

from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.http11 import Request as OpeningRequest
from websockets.http11 import Response as OpeningResponse
from websockets.server import ServerProtocol

from stanchion.errors import HTTPError
from stanchion.http.response import Response
from stanchion.http.sendable import check_field

_log = logging.getLogger("stanchion.websocket")
_log.setLevel(logging.WARNING)  # the library tells of every connection at INFO
_WANTED = (
    b"host",
    b"upgrade",
    b"connection",
    b"origin",
    b"sec-websocket-key",
    b"sec-websocket-version",
    b"sec-websocket-extensions",
)


class Opening:
    """A request for a WebSocket that is sound; `accept` and the library's protocol are what follows."""

    def __init__(self, fields: dict[bytes, bytes], max_message: int) -> None:
        """Take a GET request's fields.

        Raises:
            HTTPError: 400, or 426 for another version of the protocol.
        """
        self.protocol = ServerProtocol(extensions=[ServerPerMessageDeflateFactory()], max_size=max_message, logger=_log)
        lines = [b"GET / HTTP/1.1", *(b"%b: %b" % (name, fields[name]) for name in _WANTED if name in fields)]
        self.protocol.receive_data(b"\r\n".join(lines) + b"\r\n\r\n")
        events = self.protocol.events_received()
        if not events or not isinstance(events[0], OpeningRequest):
            raise HTTPError("the WebSocket handshake cannot be read", status=400, code="malformed-upgrade")
        if fields.get(b"sec-websocket-version", b"13") != b"13":
            raise HTTPError(
                "the only version of WebSocket served here is 13",
                status=426,
                code="websocket-version-not-supported",
                headers={"Sec-WebSocket-Version": "13", "Upgrade": "websocket"},
            )
        self._answer = self.protocol.accept(events[0])
        if self._answer.status_code != 101:
            reason = str(self.protocol.handshake_exc)
            raise HTTPError(f"the WebSocket handshake is wrong: {reason}", status=400, code="malformed-upgrade")

    def accept(self, response: Response) -> None:
        """Queue the 101, with the fields of `response`.

        Raises:
            ValueError: a field could end its line.
        """
        for name, value in [*(response.headers or {}).items(), *(response.more_headers or ())]:
            check_field(name, value)
            self._answer.headers[name] = value
        self.protocol.send_response(OpeningResponse(101, "Switching Protocols", self._answer.headers))
