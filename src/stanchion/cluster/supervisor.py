"""The supervisor: signals, the admin port, the control socket, and the fleet they act upon."""

import asyncio
import logging
import os
import shutil
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import time

from msgspec import Struct
from msgspec.structs import replace

from stanchion.board import Board
from stanchion.cache.tiers.place import private_directory, taken
from stanchion.cluster import control
from stanchion.cluster.fleet import REASONS, Fleet
from stanchion.cluster.notify import notify
from stanchion.cluster.quota import memory_limit, usable_cpus
from stanchion.cluster.sockets import Listeners, bind_tcp, bind_unix, url
from stanchion.cluster.status import (
    Check,
    Status,
    bulkheads,
    cache_tiers,
    caches,
    databases,
    dependencies,
    is_ready,
    limits,
    pools,
    readiness,
    route,
    snapshot,
    statements,
    waiting,
    workers,
)
from stanchion.errors import ConfigurationError
from stanchion.settings import Settings
from stanchion.telemetry.log_lines import LineWriter, configure

_log = logging.getLogger("stanchion.cluster")
_LEAST_CAPACITY = 8
_FIXED = (
    "host",
    "port",
    "unix_socket",
    "backlog",
    "admin_host",
    "admin_port",
    "admin_socket",
    "control_socket",
    "max_series",
    "limit_clients",
    "cache_machine",
    "cache_directory",
)
"""Settings that a reload cannot change: what they are for lives as long as the supervisor."""


class Addresses(Struct, frozen=True, kw_only=True):
    """Where a server can be reached."""

    urls: Sequence[str]
    docs: bool
    """The app has a page at /docs."""
    admin: str | None
    """The admin port's URL; None without one."""


Announce = Callable[[Addresses], None]
"""Is called once the first request can come."""


class Supervisor:
    """A server's life. `load` gives the settings, at the start and again at each reload."""

    def __init__(self, target: str, load: Callable[[], Settings], *, traceback: bool, announce: Announce) -> None:
        self._target = target
        self._load = load
        self._announce = announce
        self._traceback = traceback
        self._settings = load()
        self._started = time()
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._paths: list[str] = []
        self._admin_url: str | None = None

    def __repr__(self) -> str:
        return f"<Supervisor of {self._target}>"

    async def run(self) -> None:
        """Serve until told to stop.

        Raises:
            ConfigurationError: an address cannot be bound, or a worker cannot start.
        """
        settings = self._settings
        count = worker_count(settings)
        self._listeners = Listeners(settings)
        self._board = Board.create(
            seats=2 * max(2 * count, _LEAST_CAPACITY), series=settings.max_series, clients=settings.limit_clients
        )
        self._cache = _cache_directory(settings)
        self._fleet = Fleet(
            self._target, self._for_workers(settings), self._listeners, self._board, traceback=self._traceback
        )
        self._open_log()
        self._handle_signals()
        starting = asyncio.ensure_future(self._fleet.start(count))
        while not (self._fleet.processes or starting.done()):
            await asyncio.sleep(0)  # so that the workers start while the admin port is imported
        try:
            await self._open_admin()
            stopped = asyncio.ensure_future(self._stop.wait())
            await asyncio.wait([starting, stopped], return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await self._serve()
            await self._leave()
        finally:
            starting.cancel()
            await self._fleet.kill("start")  # there are some only if the above has failed
            self._listeners.unlink()
            self._lines.finish(1.0)
            self._fleet.relay.close()
            shutil.rmtree(self._cache, ignore_errors=True)
            for path in self._paths:
                with suppress(OSError):
                    os.unlink(path)

    def _for_workers(self, settings: Settings) -> Settings:
        """The settings, with the directory of this server's cache in the place of the one it was made in."""
        return replace(settings, cache_directory=self._cache)

    def _open_log(self) -> None:
        """Log by the same way as the workers, so that there is one writer and one format."""
        log, end = os.pipe()
        self._fleet.relay.add(log)
        self._lines = LineWriter(end)
        configure(self._settings.log_level, self._settings.log_format, self._lines)

    async def _serve(self) -> None:
        from stanchion.cluster.monitor import Monitor

        if self._settings.reload:
            from stanchion.cluster.watch import watch

            self._fleet.do(watch(self.reload))
            await asyncio.sleep(0)  # what changes from the announcement on is noticed
        docs = any(process.docs for process in self._fleet.processes)
        self._announce(Addresses(urls=self._listeners.urls, docs=docs, admin=self._admin_url))
        notify("READY=1")
        monitor = asyncio.ensure_future(Monitor(self._fleet, self._board).run())
        monitor.add_done_callback(self._monitor_ended)
        await self._stop.wait()
        monitor.cancel()

    def _monitor_ended(self, monitor: "asyncio.Future[None]") -> None:
        if not monitor.cancelled():
            _log.error("the monitor failed; workers are no longer watched", exc_info=monitor.exception())

    async def _leave(self) -> None:
        """Serve on for a while, not ready; then drain."""
        self._fleet.leaving = True
        notify("STOPPING=1")
        if self._settings.drain_delay and self._fleet.serving:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), self._settings.drain_delay)
        await self._fleet.stop(0 if self._hurry.is_set() else self._settings.drain_timeout)

    # The admin port

    async def _open_admin(self) -> None:
        from stanchion.cluster.admin import admin_app, control_app, serve
        from stanchion.cluster.caching import cache_routes
        from stanchion.cluster.recalling import statement_routes

        settings = self._settings
        if settings.admin_socket is not None:
            listener = bind_unix(settings.admin_socket, 128)
            self._paths.append(os.path.abspath(settings.admin_socket))
        elif settings.admin_port != "off":
            listener = _bind_admin(settings.admin_host, settings.admin_port)
        else:
            listener = None
        if listener is not None:
            self._admin_url = url(listener)
            await serve(admin_app(self), listener)
        path = settings.control_socket or control.default_path()
        control_socket = control_app(self)
        control_socket.include(cache_routes(self._fleet, self.status))
        control_socket.include(statement_routes(self._fleet))
        await serve(control_socket, bind_unix(path, 16, mode=0o600))
        self._paths.append(os.path.abspath(path))

    def readiness(self) -> dict[str, Check]:
        """The named checks of /readyz."""
        return readiness(self._fleet)

    def status(self) -> Status:
        """All there is to say."""
        shown = snapshot(self._board)
        checks = self.readiness()
        return Status(
            app=self._target,
            version=_version(),
            pid=os.getpid(),
            urls=self._listeners.urls,
            age=time() - self._started,
            ready=is_ready(checks),
            checks=checks,
            cpus=usable_cpus(),
            memory_limit=memory_limit(),
            wanted=len(self._fleet.wanted),
            workers=workers(self._fleet, shown),
            waiting=waiting(self._fleet),
            restarts=dict(self._fleet.restarts),
            counters=shown.counters,
            routes=[route(series) for series in shown.series],
            limits=limits(shown),
            bulkheads=bulkheads(shown),
            dependencies=dependencies(shown),
            databases=databases(shown),
            statements=statements(shown),
            pools=pools(shown),
            caches=caches(shown),
            cache_tiers=cache_tiers(shown),
            cache_machine=taken(self._cache) or None,
        )

    def metrics(self, *, openmetrics: bool) -> bytes:
        """The page of metrics."""
        from stanchion.telemetry.exposition import Supervision, render

        states = [process.state for process in self._fleet.processes]
        extra = Supervision(
            workers={state: states.count(state) for state in ("starting", "serving", "draining")},
            restarts={**dict.fromkeys(REASONS, 0), **self._fleet.restarts},
            wanted=len(self._fleet.wanted),
            memory_limit=memory_limit(),
            cache_machine=taken(self._cache) or None,
            ready=is_ready(self.readiness()),
            started=self._started,
            version=_version(),
        )
        return render(snapshot(self._board), extra, openmetrics=openmetrics)

    # What can be asked of it

    async def reload(self) -> str | None:
        """Read the settings again and put a new worker in each old one's place; None, or why some are still old."""
        async with self._reloading:
            notify("RELOADING=1")
            why = await self._reload()
            notify("READY=1")
        if why is not None:
            _log.error("reload: %s", why)
        return why

    async def _reload(self) -> str | None:
        try:
            settings = self._load()
            fixed = [name for name in _FIXED if getattr(settings, name) != getattr(self._settings, name)]
            if fixed:
                return f"{', '.join(fixed)} cannot change while the server runs; restart it"
        except ConfigurationError as error:
            return str(error)
        before, self._fleet.settings = self._fleet.settings, self._for_workers(settings)
        why = await self._replace_all()
        if why is not None:
            self._fleet.settings = before
        else:
            self._settings = settings
        return why

    async def _replace_all(self) -> str | None:
        slots = self._fleet.wanted
        for done, slot in enumerate(slots):
            why = await self._fleet.replace(slot, "reload")
            if why is not None:
                return f"{why} ({done} of {len(slots)} workers are new, the others still the old ones)"
        count = worker_count(self._fleet.settings)
        return None if count == worker_count(self._settings) else await self._fleet.scale(count)

    async def scale(self, count: int) -> str | None:
        """Have `count` workers; None, or why not."""
        return await self._fleet.scale(count)

    def stop(self) -> None:
        """Begin to stop; asked again, cut it short."""
        if self._stop.is_set():
            self._hurry.set()
            self._fleet.hurry()
        self._fleet.leaving = True
        self._stop.set()

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._fleet.do(self.reload()))
        loop.add_signal_handler(signal.SIGCHLD, self._fleet.reap)


def _version() -> str:
    from importlib.metadata import version  # 10 ms of import that the start need not wait for

    return version("stanchion")


def worker_count(settings: Settings) -> int:
    """The workers the settings ask for."""
    return usable_cpus() if settings.workers == "auto" else settings.workers


def _cache_directory(settings: Settings) -> str:
    try:
        return private_directory(settings.cache_directory, settings.cache_machine)
    except OSError as error:
        raise ConfigurationError(
            f"no directory for the cache can be made in {error.filename}: {error.strerror};"
            " give one that can be written with --cache-directory"
        ) from None


def _bind_admin(host: str, port: int) -> socket.socket:
    try:
        return bind_tcp(host, port, 128)
    except ConfigurationError as error:
        raise ConfigurationError(f"{error} admin port with --admin-port (0 is any free one, off is none)") from None


def supervise(target: str, load: Callable[[], Settings], *, traceback: bool, announce: Announce) -> None:
    """Run a server until it is told to stop.

    Raises:
        ConfigurationError: the settings are wrong, an address cannot be bound, or the app cannot start.
    """

    async def run() -> None:
        await Supervisor(target, load, traceback=traceback, announce=announce).run()

    asyncio.run(run())
