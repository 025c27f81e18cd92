"""A response to another server: `http.response.*` messages."""

import os
from contextlib import aclosing

from stanchion.asgi.messages import Scope, Send
from stanchion.http.files import File, FilePlan, prepare
from stanchion.http.request import Request
from stanchion.http.response import Response, Stream, discard
from stanchion.http.sendable import body_bytes, raw_fields

_NO_BODY = frozenset((204, 304))
_PATHSEND = "http.response.pathsend"


class Outbound:
    """Sends one response; once `started` it can no longer become another."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._send = send
        self._pathsend = _PATHSEND in (scope.get("extensions") or {})
        self.started = False

    async def respond(self, request: Request, response: Response) -> None:
        """Send any response.

        Raises:
            ValueError: a field could end its line; nothing has been sent then.
            OSError: a file became shorter meanwhile.
        """
        head_only = request.method == "HEAD" or response.status in _NO_BODY
        if isinstance(response, File):
            plan = await prepare(response, request)
            if isinstance(plan, FilePlan):
                await self._file(plan, head_only)
                return
            response = plan
        if isinstance(response, Stream):
            await self._stream(response, head_only)
            return
        body = response.body if type(response.body) is bytes else body_bytes(response)
        told = head_only and response.fields is not None  # an upstream's: its length is there if it has one
        await self._start(response, None if told or response.status in _NO_BODY else len(body))
        await self._body(b"" if head_only else body, more=False)

    async def _stream(self, response: Stream, head_only: bool) -> None:
        begun = False
        try:
            await self._start(response, response.length)
            if not head_only:
                begun = True
                async with aclosing(response.chunks()) as chunks:  # type: ignore[type-var]
                    async for chunk in chunks:
                        await self._body(chunk, more=True)
        finally:
            if not begun:
                await discard(response)
        await self._body(b"", more=False)

    async def _file(self, plan: FilePlan, head_only: bool) -> None:
        with plan.file:
            head = Response(b"", plan.status, plan.media_type, plan.headers, plan.more_headers, date=plan.date)
            await self._start(head, plan.count)
            whole = (0, plan.count) == (plan.offset, os.fstat(plan.file.fileno()).st_size)
            if self._pathsend and whole and not head_only:
                await self._send({"type": _PATHSEND, "path": os.path.abspath(str(plan.file.name))})
                return
            if not head_only:
                async for chunk in plan.chunks():
                    await self._body(chunk, more=True)
            await self._body(b"", more=False)

    async def _start(self, response: Response, length: int | None) -> None:
        fields = fields_of(response)
        if length is not None:
            fields.append((b"content-length", b"%d" % length))
        self.started = True
        await self._send({"type": "http.response.start", "status": response.status, "headers": fields})

    async def _body(self, chunk: bytes, *, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": chunk, "more_body": more})


def fields_of(response: Response) -> list[tuple[bytes, bytes]]:
    """The response's fields, checked.

    Raises:
        ValueError: one could end its line, or is the server's.
    """
    fields = raw_fields(response)
    return fields if response.status not in _NO_BODY else [field for field in fields if field[0] != b"content-type"]
