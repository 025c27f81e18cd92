"""A call to another server as a span of the request that makes it, by OpenTelemetry's conventions for HTTP clients.

Each attempt is one, and the server is told its id: what it records in turn is found below.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Protocol, TypeVar

from stanchion.telemetry.spans import Span, current
from stanchion.upstream.outgoing import Outgoing
from stanchion.upstream.target import Target

_TOLD = re.compile(rb"\r\ntrace(?:parent|state):[^\r]*", re.IGNORECASE)


class Answer(Protocol):
    """What is needed of an answer."""

    @property
    def status(self) -> int: ...


R = TypeVar("R", bound=Answer)


def sending(send: Callable[[Outgoing], Awaitable[R]], outgoing: Outgoing, target: Target) -> Awaitable[R]:
    """`send(outgoing)`, which is recorded where the running request is."""
    spans = current.get()
    return _recorded(spans, send, outgoing, target) if spans else send(outgoing)


def told(head: bytes, traceparent: str, state: str = "") -> bytes:
    """A request's whole head with these in the place of what it says of a trace."""
    lines = f"traceparent: {traceparent}\r\n" + (f"tracestate: {state}\r\n" if state else "")
    return b"%b%b\r\n" % (_TOLD.sub(b"", head)[:-2], lines.encode())


async def _recorded(
    spans: Sequence[Span], send: Callable[[Outgoing], Awaitable[R]], outgoing: Outgoing, target: Target
) -> R:
    first, *others = spans
    span = first.part(outgoing.method, monotonic(), others)
    outgoing.head = told(outgoing.head, str(span.context), span.state)
    attributes: dict[str, str | int | float] = {
        "http.request.method": outgoing.method,
        "url.full": _url(outgoing, target),
        "server.address": target.path or target.host,
    }
    if target.path is None:
        attributes["server.port"] = target.port
    try:
        answer = await send(outgoing)
    except BaseException as error:
        span.end(attributes, type(error).__qualname__)
        raise
    attributes["http.response.status_code"] = answer.status
    span.end(attributes, str(answer.status) if answer.status >= 400 else None)
    return answer


def _url(outgoing: Outgoing, target: Target) -> str:
    """Without the query, which may hold secrets."""
    path = outgoing.head.split(b" ", 2)[1].partition(b"?")[0]
    return f"{'https' if target.tls else 'http'}://{(target.authority + path).decode('latin-1')}"
