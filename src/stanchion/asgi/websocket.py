"""One WebSocket's conversation with an app (ASGI WebSocket spec 2.4), denial responses among it."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from msgspec import Struct

from stanchion.asgi.answer import head_of
from stanchion.asgi.messages import ASGIApp, ClientLeft, Message, Scope, invalid, of_leaving
from stanchion.http.response import Response

_CONNECT, _DENIAL, _OPEN, _CLOSED = range(4)
_EXPECTED = (
    "'websocket.accept', 'websocket.close' or 'websocket.http.response.start'",
    "'websocket.http.response.body'",
    "'websocket.send' or 'websocket.close'",
    "nothing more",
)
_NORMAL, _FAILED = 1000, 1011


class Closed(Struct, frozen=True):
    """The end of a connection (RFC 6455 §7.4): 1005 without a code, 1006 without a closing handshake."""

    code: int
    reason: str


class Socket(Protocol):
    """What a conversation needs of the connection."""

    @property
    def closing(self) -> bool:
        """The client has gone."""
        ...

    async def opened(self) -> None:
        """Wait until the 101 is out; raises `ClientLeft` if it will not be."""
        ...

    async def next(self) -> str | bytes | Closed:
        """The next message, or how it ended."""
        ...

    async def send(self, message: str | bytes) -> None:
        """Send, at the client's pace; raises `ClientLeft` if it is closed."""
        ...

    async def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake."""
        ...


class Conversation:
    """`deliver` gets the answer to the handshake: a response of status 101, or the app's refusal."""

    def __init__(self, socket: Socket, scope: Scope, deliver: Callable[[Response], None]) -> None:
        self._socket = socket
        self._scope = scope
        self._deliver = deliver
        self._stage = _CONNECT
        self._connected = False
        self._closed: Closed | None = None
        self._denial: Response | None = None
        self._denial_body: list[bytes] = []
        self.task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Conversation waits for {_EXPECTED[self._stage]}>"

    def cancel(self) -> None:
        """Nobody waits for the handshake's answer any more. A client's leaving the app is told, the rest cancels it."""
        if self.task is not None and not self._socket.closing:
            self.task.cancel()

    async def run(self, app: ASGIApp) -> None:
        """Call the app; whatever it left open is closed.

        Raises:
            Exception: what it raised, unless it only noticed that its client left.
            RuntimeError: it has returned without accepting or closing.
        """
        try:
            await app(self._scope, self.receive, self.send)
        except Exception as error:
            if of_leaving(error):
                return
            await self._close(_FAILED, "")
            raise
        except asyncio.CancelledError:
            await self._close(_FAILED, "")
            raise
        if self._stage in (_CONNECT, _DENIAL) and not self._socket.closing:
            raise RuntimeError(f"the ASGI app returned before the handshake; it should send {_EXPECTED[self._stage]}")
        await self._close(_NORMAL, "")

    async def _close(self, code: int, reason: str) -> None:
        if self._stage == _OPEN:
            self._stage = _CLOSED
            await self._socket.close(code, reason)

    async def receive(self) -> Message:
        """`websocket.connect`, then each message, then `websocket.disconnect`."""
        if not self._connected:
            self._connected = True
            return {"type": "websocket.connect"}
        if self._closed is None:
            got = await self._socket.next()
            if isinstance(got, str):
                return {"type": "websocket.receive", "text": got}
            if isinstance(got, bytes):
                return {"type": "websocket.receive", "bytes": got}
            self._closed = got
        return {"type": "websocket.disconnect", "code": self._closed.code, "reason": self._closed.reason}

    async def send(self, message: Message) -> None:
        """Take a message from the app.

        Raises:
            ClientLeft: the connection is closed.
            InvalidMessage: it is not one that may come now.
        """
        kind = message.get("type")
        if self._stage == _OPEN and kind == "websocket.send":
            await self._socket.send(_content(message))
        elif self._stage == _OPEN and kind == "websocket.close":
            await self._close(message.get("code", _NORMAL) or _NORMAL, message.get("reason") or "")
        elif self._stage == _CONNECT and kind in ("websocket.accept", "websocket.close"):
            await self._settle(message)
        elif self._stage in (_CONNECT, _DENIAL) and str(kind).startswith("websocket.http.response."):
            self._deny(message)
        elif self._closed is not None:
            raise ClientLeft
        else:
            raise invalid(message, f"{_EXPECTED[self._stage]} in this place")

    async def _settle(self, message: Message) -> None:
        """Accept, or close before accepting: the client gets a 403."""
        if message["type"] == "websocket.close":
            self._stage = _CLOSED
            self._deliver(Response(b"", 403))
            return
        head = head_of({**message, "status": 200})
        response = Response(b"", 101, None, head.headers, head.more_headers, date=head.date)
        subprotocol = message.get("subprotocol")
        if subprotocol is not None:
            response.set_header("sec-websocket-protocol", subprotocol)
        self._stage = _OPEN
        self._deliver(response)
        await self._socket.opened()

    def _deny(self, message: Message) -> None:
        """Gather a denial response; the connection is closed after it."""
        if self._denial is None:
            if message["type"] != "websocket.http.response.start":
                raise invalid(message, f"{_EXPECTED[self._stage]} in this place")
            head = head_of(message)
            self._denial = Response(b"", head.status, head.media_type, head.headers, head.more_headers, date=head.date)
            self._stage = _DENIAL
            return
        if message["type"] != "websocket.http.response.body":
            raise invalid(message, f"{_EXPECTED[self._stage]} in this place")
        self._denial_body.append(message.get("body", b""))
        if not message.get("more_body", False):
            self._stage = _CLOSED
            self._denial.body = b"".join(self._denial_body)
            self._deliver(self._denial)


def _content(message: Message) -> str | bytes:
    content: Any = message.get("bytes")
    if content is None:
        content = message.get("text")
    if not isinstance(content, str | bytes):
        raise invalid(message, '"text" a str, or "bytes" bytes')
    return content
