"""A WebSocket of a mounted app under another server: the handshake goes through the mount's policies there too."""

import asyncio

from stanchion.asgi.messages import ClientLeft, Receive, Scope, Send, until_open
from stanchion.asgi.outbound import fields_of
from stanchion.asgi.visitor import Served, Visitor, request_of
from stanchion.asgi.websocket import Closed
from stanchion.errors import HTTPError
from stanchion.http.problem import problem, unexpected
from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.http.sendable import body_bytes

_PROTOCOL = b"sec-websocket-protocol"
_DENIAL = "websocket.http.response"


class HostedSocket(Visitor):
    """What a conversation sees as its connection."""

    def __init__(self, served: Served, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(served, scope)
        self._receive = receive
        self._send = send
        self._open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended = asyncio.Event()

    async def answer(self, response: Response) -> None:
        """Send the outcome of the handshake."""
        if response.status == 101:
            fields = fields_of(response)
            chosen = [value.decode("latin-1") for name, value in fields if name == _PROTOCOL]
            others = [(name, value) for name, value in fields if name != _PROTOCOL]
            message = {"type": "websocket.accept", "subprotocol": chosen[0] if chosen else None, "headers": others}
            await self._send(message)
            self._open.set_result(None)
            return
        self._open.cancel()
        if _DENIAL in (self.scope.get("extensions") or {}):
            body = body_bytes(response)
            start = {"type": f"{_DENIAL}.start", "status": response.status, "headers": fields_of(response)}
            await self._send(start)
            await self._send({"type": f"{_DENIAL}.body", "body": body})
        else:
            await self._send({"type": "websocket.close", "code": 1008, "reason": ""})

    async def opened(self) -> None:
        """See `websocket.Socket`."""
        await until_open(self._open)

    async def next(self) -> str | bytes | Closed:
        """See `websocket.Socket`."""
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self.closing = True
            self.ended.set()
            return Closed(message.get("code", 1005), message.get("reason") or "")
        text: str | None = message.get("text")
        content: bytes = message.get("bytes") or b""
        return content if text is None else text

    async def send(self, message: str | bytes) -> None:
        """See `websocket.Socket`."""
        if self.closing:
            raise ClientLeft
        key = "text" if isinstance(message, str) else "bytes"
        await self._send({"type": "websocket.send", key: message})

    async def close(self, code: int, reason: str) -> None:
        """See `websocket.Socket`."""
        if not self.closing:
            self.closing = True
            self.ended.set()
            await self._send({"type": "websocket.close", "code": code, "reason": reason})


async def serve_websocket(served: Served, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve a WebSocket, from the handshake to its end."""
    await receive()  # websocket.connect
    socket = HostedSocket(served, scope, receive, send)
    request = Request("GET", scope["path"], "", {}, socket)
    try:
        request, endpoint = request_of(served, socket)
        if endpoint.websocket is None:
            raise HTTPError("no WebSocket is served here", status=403, code="forbidden")
        response = await endpoint.websocket(request)
    except HTTPError as error:
        response = problem(error, request)
    except Exception as error:
        response = unexpected(request, error)
    await socket.answer(response)
    if response.status == 101:
        await socket.ended.wait()
