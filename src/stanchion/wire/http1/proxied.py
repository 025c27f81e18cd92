"""An HTTP/1.1 connection that a proxy has introduced by the PROXY protocol, and how one is taken up by any worker."""

import asyncio

from stanchion.wire.http1.protocol import HTTP1
from stanchion.wire.http1.traced import Traced
from stanchion.wire.phases import HEAD, IDLE
from stanchion.wire.proxy_protocol import Address, parse
from stanchion.wire.server import Server

_NEW = b"c"
_KNOWN = b"a"


class Proxied(HTTP1):
    """Takes the preamble, then is an HTTP/1.1 connection of the client it names. It has `header_timeout` to come."""

    __slots__ = ("_preamble",)

    def __init__(self, server: Server, *, taken_over: bool = False) -> None:
        super().__init__(server, taken_over=taken_over)
        self._preamble: bytes | None = b""  # as far as it has come; None once it is over
        self.phase = HEAD

    def introduced(self, client: Address | None) -> None:
        """The preamble is over; `client` is None where the connection's own end is meant."""
        self._preamble = None
        self.address = client
        self.phase = IDLE
        self.since = self._server.now

    def data_received(self, data: bytes) -> None:
        if self._preamble is None:
            super().data_received(data)
            return
        self._preamble += data
        try:
            preamble = parse(self._preamble)
        except ValueError:
            self._server.turned_away(400, 0)
            self.transport.abort()  # who does not speak the protocol is not known to speak HTTP
            return
        if preamble is not None:
            rest = self._preamble[preamble.size :]
            self.introduced(preamble.client)
            if rest:
                super().data_received(rest)


class TracedProxied(Traced, Proxied):
    """The same, whose requests make spans."""

    __slots__ = ()


def connection_of(server: Server, *, taken_over: bool = False) -> HTTP1:
    """A new connection of the kind that the settings `proxy_protocol` and `traces` ask for."""
    plain, traced = (Proxied, TracedProxied) if server.settings.proxy_protocol else (HTTP1, Traced)
    return (plain if server.tracing is None else traced)(server, taken_over=taken_over)


def packet_of(connection: object) -> bytes:
    """What another worker has to know of a connection besides its socket."""
    if not isinstance(connection, Proxied) or connection._preamble is not None:
        return _NEW
    return _KNOWN + (b"" if connection.address is None else "{} {}".format(*connection.address).encode())


def taken_over(server: Server, packet: bytes) -> asyncio.Protocol:
    """The connection whose packet another worker has sent."""
    connection = connection_of(server, taken_over=True)
    if isinstance(connection, Proxied) and packet.startswith(_KNOWN):
        address, _, port = packet[1:].decode().partition(" ")
        connection.introduced((address, int(port)) if address else None)
    return connection
