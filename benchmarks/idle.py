"""Case (e): thousands of keep-alive connections that have made one request each and now only stand there."""

import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from statistics import median

from benchmarks import processes
from benchmarks.bench import Bench
from benchmarks.cases import TYPED_GET
from benchmarks.check import WrongAnswer, check
from benchmarks.load import LoadFailed
from benchmarks.peers import Peer
from benchmarks.results import IdleFigure
from benchmarks.server import Server, ServerFailed

CONNECTIONS = 10_000
SPARE_FILES = 1_000
"""Open files kept free for both sides: the interpreter's own, wrk's, the server's event loop."""
SOURCES = tuple(f"127.0.0.{last}" for last in range(2, 10))
"""Loopback addresses the clients call from: eight times the ephemeral ports of one address."""
BATCH = 100
SETTLE = 1.0
"""Seconds for a server to finish its bookkeeping (and Node a collection) before its memory is read."""

_REQUEST = f"GET {TYPED_GET.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


class Incomplete(Exception):
    """A connection was refused, closed or answered wrongly while the idle ones were being opened."""


def connections_possible(open_files: int) -> int:
    """How many idle connections the limit of open files leaves, `CONNECTIONS` at most."""
    return max(0, min(CONNECTIONS, open_files - SPARE_FILES))


def run(bench: Bench, peers: Sequence[Peer], connections: int) -> list[IdleFigure]:
    """One figure a peer: the medians of all rounds, or the first fault."""
    found: dict[str, list[IdleFigure]] = {peer.name: [] for peer in peers}
    for number in range(1, bench.rounds + 1):
        for peer in peers:
            figure = _measure(bench, peer, connections)
            found[peer.name].append(figure)
            said = figure.faults[0] if figure.faults else f"{figure.kib_per_connection:.1f} KiB a connection"
            bench.progress.step(f"round {number}/{bench.rounds}  (e) {peer.title}: {said}")
    return [_median(figures) for figures in found.values()]


def _measure(bench: Bench, peer: Peer, connections: int) -> IdleFigure:
    try:
        with bench.launcher.serving(peer) as server:
            server.wait_until_ready(TYPED_GET.path)
            check(TYPED_GET, server.port)
            return _figure(bench, peer, server, connections)
    except (ServerFailed, WrongAnswer, LoadFailed, Incomplete, OSError) as error:
        return IdleFigure(peer=peer.name, connections=connections, faults=(str(error),))


def _figure(bench: Bench, peer: Peer, server: Server, connections: int) -> IdleFigure:
    """Memory before and after; the server is warmed first, since what that costs is not the connections'."""
    load, case, port = bench.generator.run, TYPED_GET, server.port
    bench.warm_up(case, server)
    alone = load(case, port, seconds=bench.seconds, connections=1)
    time.sleep(SETTLE)
    before = processes.pss_kib(server.process.pid)
    with ExitStack() as stack:
        idle = open_idle(stack, port, connections)
        time.sleep(SETTLE)
        after = processes.pss_kib(server.process.pid)
        beside = load(case, port, seconds=bench.seconds, connections=1)
        closed = sum(not _stands(client) for client in idle)
    faults = [*alone.faults(case), *beside.faults(case)]
    if closed:
        faults.append(f"{closed} of {connections} idle connections were closed by the server")
    return IdleFigure(
        peer=peer.name,
        connections=connections,
        kib_per_connection=(after - before) / connections,
        p99_alone_ms=alone.p99_ms,
        p99_ms=beside.p99_ms,
        faults=tuple(faults),
    )


def open_idle(stack: ExitStack, port: int, connections: int) -> list[socket.socket]:
    """Opens the connections batch by batch and has each make one request; `stack` closes them."""
    clients: list[socket.socket] = []
    while len(clients) < connections:
        batch = []
        for number in range(len(clients), min(len(clients) + BATCH, connections)):
            client = stack.enter_context(socket.socket())
            client.settimeout(5)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.bind((SOURCES[number % len(SOURCES)], 0))
            try:
                client.connect(("127.0.0.1", port))
                client.sendall(_REQUEST)
            except OSError as error:
                raise Incomplete(f"connection {number + 1} of {connections} failed: {error}") from error
            batch.append(client)
        for client in batch:
            _read_answer(client)
        clients.extend(batch)
    return clients


def _read_answer(client: socket.socket) -> None:
    """Reads one whole answer; its end is where the JSON object closes, whatever framing the server chose."""
    answer = b""
    while b"}" not in answer.partition(b"\r\n\r\n")[2]:
        try:
            part = client.recv(4096)
        except OSError as error:
            raise Incomplete(f"an idle connection got no answer: {error}") from error
        if not part:
            raise Incomplete(f"the server closed a connection after {answer[:60]!r}")
        answer += part
    if not answer.startswith(b"HTTP/1.1 200"):
        raise Incomplete(f"an idle connection was answered {answer[:60]!r}")


def _stands(client: socket.socket) -> bool:
    """Whether the server has left the connection open."""
    client.setblocking(False)
    with suppress(BlockingIOError):
        # A chunked answer's last five bytes may still lie here; only the end of the stream means closed.
        while part := client.recv(64):
            del part
        return False
    return True


def _median(figures: Sequence[IdleFigure]) -> IdleFigure:
    for figure in figures:
        if figure.faults:
            return figure
    return IdleFigure(
        peer=figures[0].peer,
        connections=figures[0].connections,
        kib_per_connection=median(figure.kib_per_connection for figure in figures),
        p99_alone_ms=median(figure.p99_alone_ms for figure in figures),
        p99_ms=median(figure.p99_ms for figure in figures),
    )
