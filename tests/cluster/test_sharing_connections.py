"""Every worker has its share of the connections, whatever the kernel's hash, a crash or a reload did to them."""

import time

import pytest

from tests.cluster.client import Client
from tests.cluster.conftest import Connect, Serve
from tests.cluster.running import Server, until

TOLERATED = 1.3
"""Share of the mean that no worker may exceed."""


def counts(server: Server) -> list[int]:
    """Connections of each serving worker."""
    return [one["connections"] for one in server.status()["workers"] if one["state"] == "serving"]


def become_even(server: Server, connections: int, workers: int, within: float = 5.0) -> None:
    """Wait until they are."""
    try:
        until(lambda: even(server, connections, workers), within)
    except AssertionError:
        raise AssertionError(f"{connections} connections on {workers} workers: {server.status()}") from None


def even(server: Server, connections: int, workers: int) -> bool:
    """Whether all connections are counted, by all workers, and none has clearly more than its share."""
    found = counts(server)
    return len(found) == workers and sum(found) == connections and max(found) <= TOLERATED * connections / workers


@pytest.mark.parametrize(("connections", "workers"), [(64, 2), (64, 4), (200, 2), (200, 4)])
def test_a_burst_is_spread_evenly_also_after_a_crash(
    serve: Serve, connect: Connect, connections: int, workers: int
) -> None:
    server = serve("--workers", str(workers))
    burst = connect(server.port, connections)
    for client in burst:
        client.send("/pid")  # on its way while the connection may be handed over
    assert all(client.answer()[0] == 200 for client in burst)
    become_even(server, connections, workers)

    victim = server.workers()[0]
    server.kill(victim)
    server.full(without=[victim])
    burst = [client if alive(client) else connect(server.port)[0] for client in burst]
    become_even(server, connections, workers)
    assert {client.get("/pid")[0] for client in burst} == {200}
    assert server.status()["counters"]["refused"] == 0


def alive(client: Client) -> bool:
    """Whether the server still answers on this connection."""
    try:
        return client.get("/pid")[0] == 200
    except (OSError, EOFError):
        return False


def test_connections_that_are_handed_over_lose_no_byte(serve: Serve, connect: Connect) -> None:
    server = serve("--workers", "4")
    pids = {str(pid).encode() for pid in server.full().values()}
    for _ in range(3):
        burst = connect(server.port, 100)
        for client in burst:
            client.send("/pid", times=20)
        answers = [[client.answer() for _ in range(20)] for client in burst]
        assert {status for each in answers for status, _ in each} == {200}
        assert {pid for each in answers for _, pid in each} == pids
    handed_over = server.status()["counters"]["handed_over"]
    assert handed_over > 0
    until(lambda: server.status()["counters"]["taken_over"] == handed_over)


def test_idle_connections_are_evened_out_when_a_worker_is_added(serve: Serve, connect: Connect) -> None:
    server = serve("--workers", "1")
    burst = connect(server.port, 100)
    assert {client.get("/pid")[0] for client in burst} == {200}
    server.command("scale", "2", check=True)
    become_even(server, 100, 2, within=10)
    assert {client.get("/pid")[0] for client in burst} == {200}


def test_busy_connections_are_evened_out_too(serve: Serve, connect: Connect) -> None:
    server = serve("--workers", "1")
    burst = connect(server.port, 60)
    server.command("scale", "2", check=True)
    end = time.monotonic() + 10
    while not even(server, 60, 2):  # each has a request under way whenever a worker looks which are idle
        assert time.monotonic() < end
        for client in burst:
            client.send("/sleep?seconds=0.1")
        assert {client.answer()[0] for client in burst} == {200}


def test_a_unix_socket_is_shared_by_all(serve: Serve) -> None:
    server = serve("--workers", "2", "--unix-socket", "app.sock")
    burst = [Client(str(server.folder / "app.sock")) for _ in range(64)]
    assert {client.get("/pid")[0] for client in burst} == {200}
    become_even(server, 64, 2)
    server.reload()
    server.reload()
    pids = {str(pid).encode() for pid in server.full().values()}
    assert {client.get("/pid")[1] for client in burst} == pids
    for client in burst:
        client.close()
