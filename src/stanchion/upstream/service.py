"""An HTTP API that handlers call: `await payments.get("/charges/7")`.

Each call inherits the request's deadline and tells the service what is left of it, so that nobody works on for a caller
that has given up. Breaker, retries, budget and hedging are those of a `Dependency`.
"""

import asyncio
from collections.abc import Mapping
from math import inf
from typing import Any, TypedDict, Unpack
from urllib.parse import urlencode

import msgspec

from stanchion.deadline import remaining
from stanchion.dependency import Dependency
from stanchion.http.request import Request
from stanchion.http.response import Stream
from stanchion.http.sendable import check_field, raw_fields
from stanchion.upstream.connection import discard
from stanchion.upstream.failures import UpstreamFailure, UpstreamTimeout
from stanchion.upstream.outgoing import IDEMPOTENT, Outgoing
from stanchion.upstream.pool import Pool
from stanchion.upstream.reply import Reply
from stanchion.upstream.spans import sending

_AGAIN = frozenset((502, 503, 504))
"""Statuses of a service, or of what is before it, that cannot answer now: failures, though they are answers."""
_MOST = 16 * 1024 * 1024
"""Bytes of an answer; larger ones are for a stream, which this is not."""


class _CannotNow(Exception):
    """Lets a dependency see a failure in an answer."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply


class RequestOptions(TypedDict, total=False):
    """What a call may have besides method and path."""

    params: Mapping[str, Any]
    """Go into the query, percent-encoded; a list repeats its name."""
    headers: Mapping[str, str]
    json: Any
    """Any value that msgspec encodes."""
    body: bytes
    timeout: float
    """Seconds of an attempt; what is left of the request's deadline holds as well."""
    request: Request
    """Whose trace this call belongs to: its `traceparent` and `X-Request-Id` go on."""


class Service:
    """One HTTP API, as one worker calls it."""

    def __init__(self, dependency: Dependency, pool: Pool, timeout: float | None) -> None:
        """`timeout` in seconds, of an attempt."""
        self._dependency = dependency
        self._pool = pool
        self._timeout = inf if timeout is None else timeout

    def __repr__(self) -> str:
        return f"<Service {self._dependency.name} at {self._pool.target}>"

    def statistics(self) -> dict[str, float]:
        """Those of the pool and of the dependency."""
        return {**self._pool.statistics(), **self._dependency.statistics()}

    async def get(self, path: str, **options: Unpack[RequestOptions]) -> Reply:
        """See `call`."""
        return await self.call("GET", path, **options)

    async def post(self, path: str, **options: Unpack[RequestOptions]) -> Reply:
        """See `call`."""
        return await self.call("POST", path, **options)

    async def put(self, path: str, **options: Unpack[RequestOptions]) -> Reply:
        """See `call`."""
        return await self.call("PUT", path, **options)

    async def patch(self, path: str, **options: Unpack[RequestOptions]) -> Reply:
        """See `call`."""
        return await self.call("PATCH", path, **options)

    async def delete(self, path: str, **options: Unpack[RequestOptions]) -> Reply:
        """See `call`."""
        return await self.call("DELETE", path, **options)

    async def call(self, method: str, path: str, **options: Unpack[RequestOptions]) -> Reply:
        """Send a request and read its answer, whatever its status; redirects are not followed.

        What may be sent twice (GET, PUT, DELETE, …) is sent again where it fails, or where it takes long and the
        service is hedged, as far as the budget goes; what may not is sent once.

        Raises:
            UpstreamFailure: there is no answer (codes `upstream-…`), none within `timeout`, or it is over 16 MiB.
            ServiceUnavailable: the breaker does not let calls out at present (code `dependency-unavailable`).
            ValueError: the path or a header cannot be sent.
        """
        head, content = _head(method, path, self._pool.target.base, options)
        within = min(options.get("timeout", inf), self._timeout)
        try:
            if method in IDEMPOTENT:
                return await self._dependency.call(self._attempt, method, head, content, within)
            async with self._dependency:
                return await self._attempt(method, head, content, within)
        except _CannotNow as answer:
            return answer.reply

    async def _attempt(self, method: str, head: bytes, content: bytes, within: float) -> Reply:
        left = remaining()
        if left is not None and left < within:
            within = left
        lines = b"host: %b\r\n" % self._pool.target.authority
        if within != inf:
            lines += b"x-request-timeout: %.3f\r\n" % within
        outgoing = Outgoing(method, head + lines + b"\r\n", content)
        try:
            async with asyncio.timeout(None if within == inf else within):
                reply = await sending(self._answered, outgoing, self._pool.target)
        except TimeoutError:
            raise UpstreamTimeout(f"{self._dependency.name} has not answered within {within:g} s") from None
        if reply.status in _AGAIN:
            raise _CannotNow(reply)
        return reply

    async def _answered(self, outgoing: Outgoing) -> Reply:
        response = await self._pool.send(outgoing)
        body = response.body
        if isinstance(response, Stream):
            try:
                body = await self._whole(response)
            except BaseException:
                await discard(response)
                raise
        return Reply(status=response.status, fields=raw_fields(response), body=body)

    async def _whole(self, response: Stream) -> bytes:
        parts, size = [], 0
        async for chunk in response.body:
            parts.append(chunk)
            size += len(chunk)
            if size > _MOST:
                raise UpstreamFailure(f"the answer of {self._dependency.name} is over {_MOST} bytes")
        return b"".join(parts)

    async def open(self) -> None:
        """Make connections from now on, as they are wanted."""
        self._pool.open()

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()


def _head(method: str, path: str, base: str, options: RequestOptions) -> tuple[bytes, bytes]:
    """The request's head but for Host, the deadline and the blank line, and its body."""
    if params := options.get("params"):
        path += ("&" if "?" in path else "?") + urlencode(params, doseq=True)
    if not path.startswith("/") or not path.isascii() or not path.isprintable() or " " in path:
        raise ValueError(f"the path {path!r} cannot be sent; expected one that begins with / and is percent-encoded")
    headers = dict(options.get("headers", {}))
    names = {name.lower() for name in headers}
    content = options.get("body", b"")
    if "json" in options:
        content = msgspec.json.encode(options["json"])
        if "content-type" not in names:
            headers["content-type"] = "application/json"
    request = options.get("request")
    if request is not None:
        headers = {"traceparent": request.traceparent, "x-request-id": request.id, **headers}
    for name, value in headers.items():
        check_field(name, value)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if name.lower() != "host")
    if content or method not in IDEMPOTENT:
        lines += f"content-length: {len(content)}\r\n"
    return f"{method} {base}{path} HTTP/1.1\r\n{lines}".encode("latin-1"), content
