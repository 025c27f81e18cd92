"""Two servers of two workers on one Redis: what a writing route invalidates on one is new on both."""

import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.cluster.running import Server, until
from tests.limits.redis_server import RedisServer, needs_redis

pytestmark = needs_redis
APP = '''"""What it answers with is in a file, as the data of a real one is in a database."""

import os
from pathlib import Path

from stanchion import App, Cache

app = App("hosts")
DATA = Path(os.environ["TEST_DATA"])


@app.get("/airports/{iata}", cache=Cache(ttl=3600, tags=["airport:{iata}"], tiers=("memory",), scope="worker"))
async def airport(iata: str) -> str:
    return f"{DATA.read_text()} {os.getpid()}"


@app.post("/airports/{iata}", invalidates=["airport:{iata}"])
async def change(iata: str, value: str) -> str:
    DATA.write_text(value)
    return value
'''


@pytest.fixture
def servers(tmp_path: Path, redis_server: RedisServer) -> Iterator[list[Server]]:
    data = tmp_path / "data"
    data.write_text("first")
    started = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "app.py").write_text(APP)
        flags = ["--port", "0", "--admin-port", "0", "--workers", "2", "--cache-store", redis_server.url]
        started.append(Server(folder, flags, environ={"TEST_DATA": str(data)}, wrap=(), inherit=()))
    for server in started:
        server.started()
        server.full()
    yield started
    for server in started:
        server.end()
        assert not server.kill_rest()
        assert "Traceback" not in server.errors, server.errors


def change(server: Server, value: str) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("POST", f"/airports/JFK?value={value}")
    assert connection.getresponse().status == 200
    connection.close()


def values(server: Server) -> set[str]:
    """What its workers answer, asked on connections of their own until both have been heard."""
    pids: set[str] = set()
    found: set[str] = set()
    end = time.monotonic() + 10
    while len(pids) < 2:
        assert time.monotonic() < end
        status, body = server.get("/airports/JFK")
        assert status == 200
        value, pid = body.decode().split()
        pids.add(pid)
        found.add(value)
    return found


def are(servers: list[Server], *expected: set[str]) -> Callable[[], bool]:
    return lambda: [values(server) for server in servers] == list(expected)


def test_what_is_changed_through_one_is_new_on_both(servers: list[Server]) -> None:
    assert are(servers, {"first"}, {"first"})()
    for turn, server in enumerate(servers * 2):
        change(server, f"value{turn}")
        assert values(server) == {f"value{turn}"}  # both workers of that machine, at once
        until(are(servers, {f"value{turn}"}, {f"value{turn}"}), 1)


def test_what_is_changed_while_redis_is_away_is_new_elsewhere_once_it_is_back(
    servers: list[Server], redis_server: RedisServer
) -> None:
    assert are(servers, {"first"}, {"first"})()
    redis_server.kill()
    change(servers[0], "second")
    assert are(servers, {"second"}, {"first"})()
    redis_server.start()
    until(are(servers, {"second"}, {"second"}), 10)
