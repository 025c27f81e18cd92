"""What a request may ask of the connection it came by."""

import asyncio

from stanchion.asgi.scope import Addresses
from stanchion.http.client import Proxies
from stanchion.wire.server import Server


class Connected(asyncio.Protocol):
    """A transport and the server it belongs to."""

    __slots__ = ("_addresses", "_server", "address", "transport")
    transport: asyncio.Transport
    root_path = ""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.address: tuple[str, int] | None = None  # of the other end: once asked for, or told by a proxy
        self._addresses: Addresses | None = None

    @property
    def client(self) -> tuple[str, int] | None:
        """Address and port of the other end; None on a Unix socket."""
        if self.address is None:
            peer = self.transport.get_extra_info("peername")
            self.address = (peer[0], peer[1]) if isinstance(peer, tuple) else None
        return self.address

    @property
    def server(self) -> tuple[str, int | None] | None:
        """Address and port of this end; of a Unix socket its path and None."""
        name = self.transport.get_extra_info("sockname")
        return (name[0], name[1]) if isinstance(name, tuple) else (name, None) if name else None

    @property
    def addresses(self) -> Addresses:
        """Of both ends, and the scheme, asked once a connection: a mounted app wants them for each request."""
        if self._addresses is None:
            self._addresses = self.client, self.server, self.scheme
        return self._addresses

    @property
    def closing(self) -> bool:
        """The connection is closed or about to be: its client has gone."""
        return self.transport.is_closing()

    @property
    def scheme(self) -> str:
        """`http` or `https`."""
        return "http" if self.transport.get_extra_info("sslcontext") is None else "https"

    @property
    def max_query_params(self) -> int:
        """The setting of that name."""
        return self._server.max_query_params

    @property
    def proxies(self) -> Proxies:
        """Whom to believe about the client."""
        return self._server.proxies
