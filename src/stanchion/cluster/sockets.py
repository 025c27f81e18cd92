"""The listening sockets: made by the supervisor, one for each slot, and kept for its whole life.

With SO_REUSEPORT the kernel spreads connections over the sockets, and what waits in a socket's backlog waits for
whoever serves its slot next. A Unix socket, sockets that systemd has opened, and systems whose SO_REUSEPORT does not
spread (macOS) have one set of sockets that all slots share; the balance is then made by handing connections over.
"""

import errno
import os
import socket
import stat
import sys
from collections.abc import Sequence

from stanchion.cluster.notify import listen_descriptors
from stanchion.errors import ConfigurationError
from stanchion.settings import Settings


class Listeners:
    """The sockets of every slot."""

    def __init__(self, settings: Settings) -> None:
        """Bind what the settings name, or take what systemd has opened.

        Raises:
            ConfigurationError: the address cannot be bound; the message says what to do.
        """
        self._backlog = settings.backlog
        self._path: str | None = None
        self._slots: dict[int, socket.socket] = {}
        self._shared = [_inherited(number) for number in listen_descriptors(os.environ, os.getpid())]
        if self._shared:
            pass
        elif settings.unix_socket is not None:
            self._shared = [bind_unix(settings.unix_socket, settings.backlog)]
            self._path = os.path.abspath(settings.unix_socket)
        elif sys.platform == "linux":
            check_free(settings.host, settings.port)
            self._slots[0] = bind_tcp(settings.host, settings.port, settings.backlog, reuse_port=True)
        else:
            self._shared = [bind_tcp(settings.host, settings.port, settings.backlog)]
        self.urls: Sequence[str] = [url(listener) for listener in self._shared or self._slots.values()]
        """What a person would type to reach them, also once they are closed."""

    def __repr__(self) -> str:
        return f"<Listeners {', '.join(self.urls)}, {len(self._slots) or 'shared'}>"

    @property
    def shared(self) -> bool:
        """Whether all slots accept from the same sockets."""
        return bool(self._shared)

    def of(self, slot: int) -> Sequence[socket.socket]:
        """The sockets a slot accepts from; its own is made when it is first asked for.

        Raises:
            ConfigurationError: no further socket can be bound to the address.
        """
        if self._shared:
            return self._shared
        if slot not in self._slots:
            host, port, *_ = self._slots[0].getsockname()
            self._slots[slot] = bind_tcp(host, port, self._backlog, reuse_port=True)
        return [self._slots[slot]]

    def close(self) -> None:
        """Close the supervisor's copies: when the workers close theirs too, connections are refused."""
        for listener in (*self._shared, *self._slots.values()):
            listener.close()

    def unlink(self) -> None:
        """Remove the Unix socket's file, if these listeners made one."""
        if self._path is not None and os.path.exists(self._path):
            os.unlink(self._path)


def _inherited(descriptor: int) -> socket.socket:
    try:
        listener = socket.socket(fileno=descriptor)
    except OSError as error:
        raise ConfigurationError(
            f"LISTEN_FDS: descriptor {descriptor} is no socket ({error.strerror}); use a .socket unit, or unset it"
        ) from None
    listener.setblocking(False)
    return listener


def check_free(host: str, port: int) -> None:
    """Refuse an address that is served: with SO_REUSEPORT alone two servers would share it without a word.

    Raises:
        ConfigurationError: another socket listens there.
    """
    if port:
        bind_tcp(host, port, backlog=None).close()


def bind_tcp(host: str, port: int, backlog: int | None, *, reuse_port: bool = False) -> socket.socket:
    """A socket bound to the address, listening unless `backlog` is None.

    Raises:
        ConfigurationError: the address is taken, not this machine's, or not to be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # `::` means every address, IPv4 too
        listener.bind((host, port))
        if backlog is not None:
            listener.listen(backlog)
    except OSError as error:
        listener.close()
        raise _cannot_listen(f"{host} port {port}", error) from None
    listener.setblocking(False)
    return listener


def bind_unix(path: str, backlog: int, mode: int | None = None) -> socket.socket:
    """A listening Unix socket, in place of one that a killed server has left behind; `mode` is the file's.

    Raises:
        ConfigurationError: a server still answers there, or the path cannot be had.
    """
    listener = socket.socket(socket.AF_UNIX)
    try:
        if os.path.exists(path) and stat.S_ISSOCK(os.stat(path).st_mode):
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(path) == errno.ECONNREFUSED:
                    os.unlink(path)
        if mode is None:
            listener.bind(path)
        else:
            before = os.umask(0o777 & ~mode)  # from the start: a chmod afterwards would come a moment too late
            try:
                listener.bind(path)
            finally:
                os.umask(before)
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        raise _cannot_listen(path, error) from None
    listener.setblocking(False)
    return listener


def _cannot_listen(address: str, error: OSError) -> ConfigurationError:
    return ConfigurationError(f"cannot listen on {address}: {error.strerror or error}; choose another")


def url(listener: socket.socket) -> str:
    """`http://127.0.0.1:8000`, or `unix:/run/app.sock`."""
    name = listener.getsockname()
    if isinstance(name, str):
        return f"unix:{name}"
    host = f"[{name[0]}]" if ":" in name[0] else name[0]
    return f"http://{host}:{name[1]}"
