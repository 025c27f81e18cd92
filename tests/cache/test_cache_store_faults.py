"""A served app whose cache's store is killed, stopped and flushed under load: no error, and nobody waits for long."""

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

import pytest
import redis

from tests.cache.memcached_server import MemcachedServer, needs_memcached
from tests.cluster.load import NONE_REFUSED
from tests.cluster.running import Server, until
from tests.limits.redis_server import RedisServer, needs_redis

APP = '''"""One route has no tier but the store, so that each request asks it; the other has all three."""

from stanchion import App, Cache

app = App("faults")


@app.get("/store/{number}", cache=Cache(ttl=3600, tiers=("store",)))
async def store(number: int) -> int:
    return number


@app.get("/all/{number}", cache=Cache(ttl=3600))
async def everywhere(number: int) -> int:
    return number
'''
CLIENTS, KEYS = 8, 40
BOUND = 0.05
"""Seconds that a call of the store may take: the setting's default."""
SLACK = 0.15
"""Seconds that a machine with other work may be late."""
OPEN = 1.0
"""Seconds in which every worker has found that the store need not be waited for."""

Store = RedisServer | MemcachedServer


class Seen(NamedTuple):
    """One request."""

    at: float
    """When it was sent, by CLOCK_MONOTONIC."""
    took: float
    status: int
    right: bool
    hit: bool | None
    """By the store, which alone could have it; None where other tiers could, too."""


class Load:
    """Clients that ask for numbers on connections of their own, four hundred a second or so, until they are told."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._ending = threading.Event()
        self.seen: list[Seen] = []
        self._threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def _ask(self, number: int) -> None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=10)
        for turn in range(10_000):
            if self._ending.wait(0.02):
                break
            route, asked = ("store", "store", "all")[turn % 3], (number * 7 + turn) % KEYS
            began = time.monotonic()
            connection.request("GET", f"/{route}/{asked}", headers={"Host": "one.example"})
            answer = connection.getresponse()
            right = answer.read() == b"%d" % asked
            hit = answer.headers["Cache-Status"] == "stanchion; hit" if route == "store" else None
            self.seen.append(Seen(began, time.monotonic() - began, answer.status, right, hit))
        connection.close()

    def since(self, moment: float, hit: bool = True) -> int:
        """Answers that the store had, or had not."""
        return sum(seen.hit is hit for seen in list(self.seen) if seen.at > moment)

    def end(self) -> list[Seen]:
        self._ending.set()
        for thread in self._threads:
            thread.join(15)
        assert not any(thread.is_alive() for thread in self._threads)
        return self.seen


@pytest.fixture(params=[pytest.param("redis", marks=needs_redis), pytest.param("memcached", marks=needs_memcached)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store = RedisServer(tmp_path) if request.param == "redis" else MemcachedServer()
    yield made
    made.process.send_signal(signal.SIGCONT)
    made.kill()


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path, store: Store) -> Iterator[Server]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "app.py").write_text(APP)
    timeout = getattr(request, "param", "50ms")
    flags = ["--port", "0", "--admin-port", "0", "--workers", "2", NONE_REFUSED]
    flags += ["--cache-store", store.url, "--cache-store-timeout", timeout]
    server = Server(folder, flags, environ={}, wrap=(), inherit=())
    server.started()
    server.full()
    yield server
    server.end()
    assert not server.kill_rest()
    assert "Traceback" not in server.errors, server.errors


@pytest.fixture
def load(server: Server) -> Iterator[Load]:
    load = Load(server.port)
    until(lambda: load.since(0) > 200)
    yield load
    load.end()


def slowest(seen: list[Seen], part: float = 0.9) -> float:
    """The 90th percentile, in seconds: one pause of the machine has all eight clients wait."""
    taken = sorted(one.took for one in seen)
    return taken[int(len(taken) * part)]


def flush(store: Store) -> None:
    if isinstance(store, RedisServer):
        with redis.Redis("127.0.0.1", store.port) as client:
            client.flushall()
        return
    with socket.create_connection(("127.0.0.1", store.port), 5) as client_socket:
        client_socket.sendall(b"flush_all\r\n")
        assert client_socket.recv(100) == b"OK\r\n"


def check(load: Load) -> None:
    """Nobody has seen an error, nor waited for more than a call to the store may take."""
    seen = load.end()
    assert {(one.status, one.right) for one in seen} == {(200, True)}
    assert slowest(seen) < 2 * BOUND + SLACK  # a look and the one that is waited for before it


def hurt(server: Server, load: Load, harm: Callable[[], object], mend: Callable[[], object]) -> None:
    """Do harm for two seconds."""
    lines = server.errors.count("does without it")
    harm()
    harmed = time.monotonic()
    until(lambda: server.errors.count("does without it") > lines)
    time.sleep(max(0.0, harmed + OPEN - time.monotonic()))
    opened = time.monotonic()
    time.sleep(1.0)
    during = [one for one in list(load.seen) if one.at > opened]
    # Probes are eight in a second; if the store were waited for, two in three would be late. A pause makes eight late.
    assert sum(one.took > BOUND for one in during) < len(during) / 3, "the store is still waited for"
    assert not any(one.hit for one in during)
    mend()
    mended = time.monotonic()
    until(lambda: load.since(mended))


def test_a_store_that_is_killed_and_comes_back(server: Server, store: Store, load: Load) -> None:
    hurt(server, load, store.kill, store.start)
    check(load)


def test_a_store_that_hangs_and_goes_on(server: Server, store: Store, load: Load) -> None:
    process = store.process
    hurt(server, load, lambda: process.send_signal(signal.SIGSTOP), lambda: process.send_signal(signal.SIGCONT))
    check(load)


def missed_and_filled(store: Store, load: Load) -> None:
    flushed = time.monotonic()
    flush(store)
    until(lambda: load.since(flushed, hit=False) >= KEYS / 2)
    filled = time.monotonic()
    until(lambda: load.since(filled) > max(KEYS, load.since(filled, hit=False)))


@pytest.mark.parametrize("server", ["2s"], indirect=True, ids=["patient"])  # so that a pause is no fault of the store
def test_a_store_that_is_flushed(server: Server, store: Store, load: Load) -> None:
    for _ in range(3):
        missed_and_filled(store, load)
    check(load)
    assert "does without it" not in server.errors
