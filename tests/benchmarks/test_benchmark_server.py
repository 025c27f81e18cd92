"""The guards around a measure: wrong answers are told apart, and nothing that was started stays behind."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from benchmarks import payload, processes
from benchmarks.cases import MANY_ROUTES, NOT_FOUND, TYPED_GET, VALIDATED_POST, Case
from benchmarks.check import WrongAnswer, check
from benchmarks.peers import Kind, Peer
from benchmarks.reaper import reaping
from benchmarks.server import Launcher, ServerFailed


class Handler(BaseHTTPRequestHandler):
    """Answers everything with the class's own status and body, a naive server."""

    status = 200
    answer: Any = payload.ITEM

    def do_GET(self) -> None:
        body = json.dumps(self.answer).encode()
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    class Own(Handler):
        pass

    with HTTPServer(("127.0.0.1", 0), Own) as http:
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        yield http
        http.shutdown()
        thread.join()


def answering(server: HTTPServer, status: int, answer: Any) -> int:
    """The port of `server`, from now on with this answer."""
    server.RequestHandlerClass.status = status  # type: ignore[attr-defined]
    server.RequestHandlerClass.answer = answer  # type: ignore[attr-defined]
    return int(server.server_address[1])


@pytest.mark.parametrize("case", [TYPED_GET, MANY_ROUTES])
def test_the_right_answer_passes(server: HTTPServer, case: Case) -> None:
    check(case, answering(server, 200, payload.ITEM))


def test_a_wrong_body_and_a_wrong_status_are_named(server: HTTPServer) -> None:
    with pytest.raises(WrongAnswer, match="wanted"):
        check(TYPED_GET, answering(server, 200, {**payload.ITEM, "price": 1}))
    with pytest.raises(WrongAnswer, match="gave 500, 200 wanted"):
        check(TYPED_GET, answering(server, 500, payload.ITEM))
    with pytest.raises(WrongAnswer, match="gave 200, 404 wanted"):
        check(NOT_FOUND, answering(server, 200, payload.ITEM))


def test_a_server_that_accepts_every_order_is_caught(server: HTTPServer) -> None:
    with pytest.raises(WrongAnswer, match="was not refused"):
        check(VALIDATED_POST, answering(server, 200, payload.RECEIPT))


def test_the_order_is_a_kilobyte_and_each_refused_one_differs_from_it() -> None:
    assert 800 <= len(payload.order_bytes()) <= 1200
    assert payload.order_bytes() not in payload.refused_orders().values()
    assert len(set(payload.refused_orders().values())) == len(payload.refused_orders()) == 5


def peer_running(code: str) -> Peer:
    return Peer(
        name="made-up",
        title="Made up",
        kind=Kind.PYTHON,
        home="python",
        command=(sys.executable, "-c", code),
        cases="a",
        packages=(),
    )


STUBBORN = """
import signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
print("up", flush=True)
signal.pause()
"""


def test_leaving_the_block_ends_a_server_that_ignores_sigterm_and_children_that_left_its_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("benchmarks.server.STOP_LIMIT", 0.5)
    launcher = Launcher(programs={}, core=None)

    with launcher.serving(peer_running(STUBBORN)) as server:
        while server.words() != "up":
            assert server.process.poll() is None
        family = processes.family(server.process.pid)

    assert len(family) == 2
    assert [pid for pid, tick in family.items() if processes.running(pid, tick)] == []


def test_a_server_that_ends_at_once_is_a_named_failure() -> None:
    launcher = Launcher(programs={}, core=None)

    with (
        launcher.serving(peer_running("raise SystemExit('no such option')")) as server,
        pytest.raises(ServerFailed, match="ended with 1: no such option"),
    ):
        server.wait_until_ready("/")


def test_the_reaper_ends_what_a_killed_runner_left_and_spares_what_was_released() -> None:
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    with (
        subprocess.Popen(sleep, start_new_session=True) as left,
        subprocess.Popen(sleep, start_new_session=True) as released,
    ):
        with reaping() as reaper:
            for process in (left, released):
                reaper.watch(process.pid)
            reaper.release(released.pid)

        assert left.wait(5) == -signal.SIGKILL
        assert released.poll() is None
        released.kill()
