"""Run an app on one loop until it is told to stop."""

import asyncio
import errno
import gc
import os
import signal
import socket
import stat
from collections.abc import Callable, Sequence

from stanchion.app import App, Compiled
from stanchion.errors import ConfigurationError
from stanchion.settings import Settings
from stanchion.wire.http1.protocol import HTTP1
from stanchion.wire.server import Server

OnReady = Callable[[Sequence[str]], None]


def serve(app: App, settings: Settings, on_ready: OnReady | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then drain. `on_ready` gets the URLs once the first request can come.

    Raises:
        ConfigurationError: the app cannot be compiled or the address cannot be bound.
    """
    compiled = app.compile(settings)
    sockets = [bind(settings)]
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(_run(compiled, settings, sockets, on_ready))


def new_loop() -> asyncio.AbstractEventLoop:
    """uvloop's where it is installed, else asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def bind(settings: Settings) -> socket.socket:
    """The listening socket the settings name.

    Raises:
        ConfigurationError: it cannot be bound; the message says what to do.
    """
    try:
        if settings.unix_socket is not None:
            listener = _bind_unix(settings.unix_socket)
        else:
            listener = _bind_tcp(settings.host, settings.port)
    except OSError as error:
        address = settings.unix_socket or f"{settings.host} port {settings.port}"
        raise ConfigurationError(f"cannot listen on {address}: {error.strerror}; choose another") from None
    listener.listen(settings.backlog)
    listener.setblocking(False)
    return listener


def _bind_tcp(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # `::` means every address, IPv4 too
    listener.bind((host, port))
    return listener


def _bind_unix(path: str) -> socket.socket:
    """Bind a Unix socket, in place of one that a killed server has left behind."""
    if os.path.exists(path) and stat.S_ISSOCK(os.stat(path).st_mode):
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(path) == errno.ECONNREFUSED:
                os.unlink(path)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    return listener


def urls(sockets: Sequence[socket.socket]) -> list[str]:
    """What a person would type to reach the sockets."""
    found = []
    for listener in sockets:
        name = listener.getsockname()
        if isinstance(name, str):
            found.append(f"unix:{name}")
        else:
            host = f"[{name[0]}]" if ":" in name[0] else name[0]
            found.append(f"http://{host}:{name[1]}")
    return found


async def _run(app: Compiled, settings: Settings, sockets: Sequence[socket.socket], on_ready: OnReady | None) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with app.lifespan():
        server = Server(app, settings, loop)
        listeners = [
            await loop.create_server(lambda: HTTP1(server), sock=listener, backlog=settings.backlog)
            for listener in sockets
        ]
        gc.collect()
        gc.freeze()  # what start-up made stays: full collections need not look at it again
        if on_ready is not None:
            on_ready(urls(sockets))
        await stop.wait()
        for listener in listeners:
            listener.close()
        await server.drain(settings.drain_timeout)
        server.stop()
        if settings.unix_socket is not None:
            os.unlink(settings.unix_socket)
