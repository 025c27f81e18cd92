"""Served apps that miss all at once: one call of the handler for a machine, and for two; and its worker is killed."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from tests.cluster.load import NONE_REFUSED
from tests.cluster.running import Server, until
from tests.limits.redis_server import RedisServer, needs_redis

pytestmark = needs_redis
APP = '''"""A handler that takes its time, and writes down who has called it."""

import asyncio
import os
from pathlib import Path

from stanchion import App, Cache

app = App("stampede")
CALLS = Path(os.environ["TEST_CALLS"])


async def slow() -> str:
    with CALLS.open("a") as file:
        file.write(f"{os.getpid()}\\n")
    await asyncio.sleep(0.5)
    return "answer"


@app.get("/machine", cache=Cache(ttl=3600, tags=["slow"], tiers=("memory", "machine"), scope="machine"))
async def machine() -> str:
    return await slow()


@app.get("/fleet", cache=Cache(ttl=3600, tags=["slow"], tiers=("memory", "machine", "store"), scope="fleet"))
async def fleet() -> str:
    return await slow()
'''


class Fleet:
    """Two servers of two workers, and what their handlers were called for."""

    def __init__(self, folder: Path, url: str) -> None:
        self._calls = folder / "calls"
        self.servers = []
        for name in ("one", "two"):
            place = folder / name
            place.mkdir()
            (place / "app.py").write_text(APP)
            flags = ["--port", "0", "--admin-port", "0", "--workers", "2", NONE_REFUSED, "--cache-store", url]
            flags += ["--cache-directory", str(place / "cache"), "--cache-store-timeout", "2s"]
            environ = {"TEST_CALLS": str(self._calls)}
            self.servers.append(Server(place, flags, environ=environ, wrap=(), inherit=()))
        for server in self.servers:
            server.started()
            server.full()

    @property
    def calls(self) -> list[int]:
        return [int(pid) for pid in self._calls.read_text().split()] if self._calls.exists() else []

    def crowd(self, path: str, meanwhile: Callable[[], None] = lambda: None) -> list[tuple[int, bytes, float]]:
        """A hundred clients of each server at once: status, body and seconds; status 0 where the connection broke."""
        seen: list[tuple[int, bytes, float]] = []

        def ask(server: Server) -> None:
            began = time.monotonic()
            connection = HTTPConnection("127.0.0.1", server.port, timeout=20)
            try:
                connection.request("GET", path, headers={"Host": "one.example"})  # else each server has keys of its own
                answer = connection.getresponse()
                status, body = answer.status, answer.read()
            except (OSError, HTTPException):
                status, body = 0, b""
            connection.close()
            seen.append((status, body, time.monotonic() - began))

        threads = [threading.Thread(target=ask, args=(server,)) for server in self.servers for _ in range(100)]
        threads.insert(0, threading.Thread(target=meanwhile))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return seen


@pytest.fixture
def fleet(tmp_path: Path, redis_server: RedisServer) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path, redis_server.url)
    yield fleet
    for server in fleet.servers:
        server.end()
        assert not server.kill_rest()
        assert "Traceback" not in server.errors, server.errors


@pytest.mark.parametrize(("path", "calls"), [("/machine", 2), ("/fleet", 1)])
def test_a_crowd_makes_as_many_calls_as_declared(fleet: Fleet, path: str, calls: int) -> None:
    seen = fleet.crowd(path)
    assert {(status, body) for status, body, _ in seen} == {(200, b"answer")}
    assert len(fleet.calls) == calls


def test_a_worker_that_is_killed_amid_the_call_is_followed_by_one_other(fleet: Fleet) -> None:
    def kill() -> None:
        until(lambda: fleet.calls)
        os.kill(fleet.calls[0], signal.SIGKILL)

    seen = fleet.crowd("/fleet", kill)
    assert {(status, body) for status, body, _ in seen} == {(200, b"answer"), (0, b"")}
    assert len(fleet.calls) == 2
    assert max(taken for _, _, taken in seen) < 10  # the first call, a second at most, and the other call
