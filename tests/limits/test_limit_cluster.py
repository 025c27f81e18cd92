"""A limit on the board is exact over all workers, and stays so when they are killed."""

import json
import os
import re
import signal
import socket
import threading
from collections import Counter
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.cluster.conftest import Serve, serve
from tests.cluster.load import NONE_REFUSED
from tests.cluster.running import Server, until

__all__ = ["serve"]

APP = '''"""An app with limits."""

import os

from stanchion import App, Limit, Request

app = App("limited")


@app.get("/even", limit=Limit("400/day", name="even", by="route"))
async def even() -> str:
    return str(os.getpid())


@app.get("/window", limit=Limit("300/day", name="window", mode="window", by="route"))
async def window() -> str:
    return str(os.getpid())


@app.get("/who")
async def who(request: Request) -> str:
    return str(request.client_ip)
'''


@pytest.fixture
def app(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def ask_for_long(port: int, path: str, seen: list[tuple[int, str]], times: int) -> None:
    """Ask on new connections, so that every worker is met; a killed worker's are lost and asked again by nobody."""
    for _ in range(times):
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            seen.append((answer.status, answer.read().decode()))
        except OSError:
            continue
        finally:
            connection.close()


def crowd(server: Server, path: str, *, clients: int, times: int) -> list[tuple[int, str]]:
    seen: list[tuple[int, str]] = []
    threads = [threading.Thread(target=ask_for_long, args=(server.port, path, seen, times)) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def test_workers_share_one_budget_and_its_count(app: Path, serve: Serve) -> None:
    server = serve("--workers", "4", NONE_REFUSED)
    for path, most in (("/even", 400), ("/window", 300)):
        seen = crowd(server, path, clients=32, times=20)
        assert Counter(status for status, _ in seen) == {200: most, 429: 640 - most}
        assert len({pid for status, pid in seen if status == 200}) == 4
    limits = server.status()["limits"]
    assert (limits["even"]["allowed"], limits["even"]["refused"]) == (400, 240)
    page = server.admin("/metrics")[1].decode()
    assert re.search(r'^stanchion_limit_decisions_total\{limit="window",outcome="allowed"\} 300$', page, re.MULTILINE)
    assert "even" in server.command("ps", "--routes").stdout
    server.reload()
    assert server.get("/even")[0] == 429  # the board outlives its workers


def test_a_kill_changes_no_budget(app: Path, serve: Serve) -> None:
    server = serve("--workers", "4", NONE_REFUSED)
    seen: list[tuple[int, str]] = []
    asking = threading.Thread(target=lambda: seen.extend(crowd(server, "/even", clients=16, times=60)))
    asking.start()
    for _ in range(3):
        victim = until(lambda: next(iter(server.workers().values()), 0))
        with suppress(ProcessLookupError):  # still listed, but gone: killed the turn before
            os.kill(victim, signal.SIGKILL)
    asking.join()
    allowed = sum(status == 200 for status, _ in seen)
    lost = 16 * 60 - len(seen)  # may have been allowed, and died with their worker
    assert 400 - lost <= allowed <= 400
    assert {status for status, _ in seen} == {200, 429}
    server.full()
    assert server.get("/even")[0] == 429


def test_a_client_behind_proxies_is_told_in_the_log(app: Path, serve: Serve) -> None:
    server = serve("--workers", "1", "--trusted-proxies", "1", "--access-log", "--log-format", "json")
    connection = HTTPConnection("127.0.0.1", server.port, timeout=20)
    for address in ("198.51.100.1", "198.51.100.2"):
        connection.request("GET", "/who", headers={"X-Forwarded-For": f"6.6.6.6, {address}"})
        assert connection.getresponse().read().decode() == address
    connection.close()
    lines = until(
        lambda: [line for line in (server.errors + server.output).splitlines() if "stanchion.access" in line][1:]
    )
    assert json.loads(lines[-1])["client"] == "198.51.100.2"


def test_who_a_balancer_names_is_kept_when_its_connection_moves(app: Path, serve: Serve) -> None:
    server = serve("--workers", "2", "--proxy-protocol")
    ends = []
    for number in range(8):
        end = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        end.sendall(b"PROXY TCP4 198.51.100.%d 10.0.0.1 4711 80\r\n" % number)
        ends.append(end)
    asked = b"GET /who HTTP/1.1\r\nHost: x\r\n\r\n"
    for _ in range(2):
        for number, end in enumerate(ends):
            end.sendall(asked)
            assert end.recv(4096).endswith(b"198.51.100.%d" % number)
        server.reload()
    assert server.status()["counters"]["taken_over"] >= 8
    for end in ends:
        end.close()
