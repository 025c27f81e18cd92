"""Responses that are more than one write: streams and files, at the client's pace.

A file goes out by `sendfile(2)` on a duplicate of the socket's descriptor: uvloop has no `loop.sendfile`, and both
loops refuse to watch a descriptor that a transport owns. Where there is no socket (the test client) it is copied.
"""

import asyncio
import os
from contextlib import aclosing
from typing import Protocol, cast

from stanchion.http.files import File, FilePlan, prepare
from stanchion.http.request import Request
from stanchion.http.response import Response, Stream, discard
from stanchion.upstream.switched import Switched
from stanchion.wire.http1.encode import lines, streamed
from stanchion.wire.phases import HANDLE, WRITE

_SEND = 1024 * 1024
"""Bytes a call of sendfile: longer calls would hold the loop on a cold page cache."""


class Sink(Protocol):
    """What sending needs of the connection."""

    transport: asyncio.Transport
    head_sent: bool
    sent: int
    phase: int
    since: float

    def write_whole(self, request: Request, response: Response) -> None: ...

    def tail(self, request: Request, response: Response) -> bytes: ...

    def keeps_chunks(self) -> bool: ...

    def answering(self, request: Request) -> bool: ...

    async def drain(self) -> None: ...

    def switch(self, request: Request, response: Switched) -> None: ...


async def send(sink: Sink, request: Request, response: Response) -> None:
    """Send any response that is not a plain `Response`."""
    if isinstance(response, File):
        await _send_file(sink, request, response)
    elif isinstance(response, Stream):
        await _send_stream(sink, request, response)
    elif isinstance(response, Switched):
        sink.switch(request, response)
    else:
        sink.write_whole(request, response)


async def _send_stream(sink: Sink, request: Request, response: Stream) -> None:
    started = False
    try:
        if not sink.answering(request):
            return
        chunked = response.length is None and sink.keeps_chunks()
        head = streamed(response, sink.tail(request, response), response.length, chunked)
        sink.head_sent = True
        _write(sink, head)
        if request.method == "HEAD":
            return
        started = True
        await _send_chunks(sink, response, chunked)
    finally:
        if not started:
            await discard(response)


async def _send_chunks(sink: Sink, response: Stream, chunked: bool) -> None:
    left = response.length
    async with aclosing(response.chunks()) as chunks:  # type: ignore[type-var]  # also when the client goes away
        async for chunk in chunks:
            if chunk:
                if left is not None:
                    left -= len(chunk)
                    if left < 0:
                        raise ValueError(f"a stream gave more than its length of {response.length} bytes")
                _write(sink, b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk)
                await sink.drain()
    if left:
        raise ValueError(f"a stream ended {left} bytes short of its length of {response.length}")
    if chunked:
        _write(sink, b"0%b\r\n\r\n" % lines(response.trailers or []))


def _write(sink: Sink, data: bytes) -> None:
    sink.sent += len(data)
    sink.transport.write(data)


async def _send_file(sink: Sink, request: Request, response: File) -> None:
    plan = await prepare(response, request)
    if isinstance(plan, Response):
        sink.write_whole(request, plan)
        return
    with plan.file:
        if not sink.answering(request):
            return
        head = Response(b"", plan.status, plan.media_type, plan.headers, plan.more_headers, date=plan.date)
        data = streamed(head, sink.tail(request, head), plan.count, chunked=False)
        sink.head_sent = True
        _write(sink, data)
        if request.method == "HEAD":
            return
        if _socket_of(sink) is not None:
            await _sendfile(sink, plan)
            return
        async for chunk in plan.chunks():
            _write(sink, chunk)
            await sink.drain()


def _socket_of(sink: Sink) -> int | None:
    transport = sink.transport
    if transport.get_extra_info("sslcontext") is not None:
        return None
    socket = transport.get_extra_info("socket")
    return None if socket is None else int(socket.fileno())


async def _sendfile(sink: Sink, plan: FilePlan) -> None:
    """Send by the kernel, once what the transport holds has left."""
    loop = asyncio.get_running_loop()
    transport = sink.transport
    low, high = transport.get_write_buffer_limits()
    transport.set_write_buffer_limits(high=0)
    await asyncio.sleep(0)
    await sink.drain()
    if transport.is_closing():  # its descriptor may be another connection's by now
        return
    descriptor = os.dup(cast(int, _socket_of(sink)))
    sink.phase = WRITE  # the sweep watches for progress: `since` moves with it
    try:
        offset, end = plan.offset, plan.offset + plan.count
        while offset < end:
            try:
                sent = os.sendfile(descriptor, plan.file.fileno(), offset, min(_SEND, end - offset))
            except BlockingIOError:
                await _writable(loop, descriptor)
                continue
            except ConnectionError:  # the client has left, which the transport has yet to notice
                transport.abort()
                return
            if sent == 0:
                raise OSError("the file became shorter while it was sent")
            offset += sent
            sink.sent += sent
            sink.since = loop.time()
            await asyncio.sleep(0)
    finally:
        os.close(descriptor)
        sink.phase = HANDLE
        if not transport.is_closing():
            transport.set_write_buffer_limits(high=high, low=low)


async def _writable(loop: asyncio.AbstractEventLoop, descriptor: int) -> None:
    ready = loop.create_future()
    loop.add_writer(descriptor, _settle, ready)
    try:
        await ready
    finally:
        loop.remove_writer(descriptor)


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
