from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import pytest

from tests.cluster.client import Client
from tests.cluster.running import Server

NOTHING: Mapping[str, str] = MappingProxyType({})
FAULTS = (
    "the supervisor failed",
    "the monitor failed",
    "Exception in callback",
    "was destroyed",
    "never awaited",
    "never retrieved",
    "stanchion.error: ",
)


class Serve(Protocol):
    """`serve("--workers", "2")` starts a server; both of its ports are free ones unless a flag says otherwise."""

    def __call__(
        self,
        *flags: str,
        wait: bool = True,
        environ: Mapping[str, str] = ...,
        wrap: Sequence[str] = ...,
        inherit: Sequence[int] = ...,
    ) -> Server: ...


class Connect(Protocol):
    """`connect(port)` opens a connection, `connect(port, 64)` a burst of them."""

    def __call__(self, port: int, count: int = 1) -> list[Client]: ...


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts servers in one folder. None may leave a process behind, or have failed inside."""
    servers: list[Server] = []

    def start(
        *flags: str,
        wait: bool = True,
        environ: Mapping[str, str] = NOTHING,
        wrap: Sequence[str] = (),
        inherit: Sequence[int] = (),
    ) -> Server:
        ports = [flag for name in ("--port", "--admin-port") if name not in flags for flag in (name, "0")]
        servers.append(Server(tmp_path, [*ports, *flags], environ=environ, wrap=wrap, inherit=inherit))
        if wait:
            servers[-1].started()
        return servers[-1]

    yield start
    for server in servers:
        server.end()
    left_behind = [server.kill_rest() for server in servers]
    errors = "".join(server.errors for server in servers)
    print(errors)
    assert not any(left_behind)
    assert not [fault for fault in FAULTS if fault in errors], errors


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Opens connections that are kept until the end of the test."""
    clients: list[Client] = []

    def open_them(port: int, count: int = 1) -> list[Client]:
        burst = [Client(port) for _ in range(count)]
        clients.extend(burst)
        return burst

    yield open_them
    for client in clients:
        client.close()
