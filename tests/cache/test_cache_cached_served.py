"""Results of functions that all workers of a machine share: one call, one invalidation, and a worker that is killed."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.cluster.load import NONE_REFUSED
from tests.cluster.running import Server

APP = '''"""A query whose calls are written down."""

import asyncio
import os
from http.client import HTTPConnection
from pathlib import Path

from msgspec import Struct

from stanchion import App, cached

app = App("shared")
CALLS = Path(os.environ["TEST_CALLS"])


class Row(Struct):
    number: int
    call: int


@cached(ttl=3600, tags=["row:{number}"], tiers=["memory", "machine"], scope="machine")
async def row(number: int) -> Row:
    with CALLS.open("a") as file:
        file.write(f"{os.getpid()}\\n")
    await asyncio.sleep(0.2)
    return Row(number, len(CALLS.read_text().split()))


@app.get("/rows/{number}")
async def show(number: int) -> dict[str, int]:
    return {"call": (await row(number)).call, "pid": os.getpid()}


@app.put("/rows/{number}", invalidates=["row:{number}"])
async def change(number: int) -> None: ...


@app.post("/rows/{number}")
async def change_one(number: int) -> None:
    await row.invalidate(number)
'''


class Workers:
    """Two of them, and the calls that were made in them."""

    def __init__(self, folder: Path) -> None:
        (folder / "app.py").write_text(APP)
        self._calls = folder / "calls"
        flags = ["--port", "0", "--admin-port", "0", "--workers", "2", NONE_REFUSED]
        flags += ["--cache-directory", str(folder / "cache")]
        self.server = Server(folder, flags, environ={"TEST_CALLS": str(self._calls)}, wrap=(), inherit=())
        self.server.started()
        self.server.full()

    @property
    def callers(self) -> list[int]:
        """The pids of the workers whose calls were made, in order."""
        return [int(pid) for pid in self._calls.read_text().split()] if self._calls.exists() else []

    def change(self, method: str, path: str) -> None:
        connection = HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        connection.request(method, path)
        assert connection.getresponse().status < 300
        connection.close()

    def crowd(self, path: str, count: int = 40) -> tuple[set[int], set[int]]:
        """The calls whose results so many clients get at one time, and the workers that answer; both of them do."""
        calls: set[int] = set()
        pids: set[int] = set()
        end = time.monotonic() + 10
        with ThreadPoolExecutor(count) as pool:
            while len(pids) < 2:
                assert time.monotonic() < end
                for status, body in pool.map(self.server.get, [path] * count):
                    assert status == 200
                    call, pid = (int(part.split(b":")[1].strip(b" }")) for part in body.split(b","))
                    calls.add(call)
                    pids.add(pid)
        return calls, pids


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    workers = Workers(tmp_path)
    yield workers
    workers.server.end()
    assert not workers.server.kill_rest()
    assert "Traceback" not in workers.server.errors, workers.server.errors


def test_workers_share_one_call_and_hear_of_its_end(workers: Workers) -> None:
    assert workers.crowd("/rows/1")[0] == {1}
    assert workers.crowd("/rows/2")[0] == {2}
    workers.change("PUT", "/rows/1")
    assert workers.crowd("/rows/1")[0] == {3}
    workers.change("POST", "/rows/1")
    assert workers.crowd("/rows/1")[0] == {4}
    assert workers.crowd("/rows/2")[0] == {2}
    assert len(workers.callers) == 4


def test_a_result_outlives_the_worker_that_made_it(workers: Workers) -> None:
    assert workers.crowd("/rows/1")[0] == {1}
    (maker,) = workers.callers
    workers.server.kill(maker)
    workers.server.full(without=[maker])
    assert workers.crowd("/rows/1")[0] == {1}
    assert len(workers.callers) == 1
