"""How a server ends: after a delay in which it serves, with what is owed answered, at once when told twice."""

import os
import signal
import time
from http.client import HTTPConnection

import pytest

from tests.cluster.conftest import Connect, Serve
from tests.cluster.running import until


def test_a_request_that_outlasts_the_drain_is_answered_503(serve: Serve, connect: Connect) -> None:
    server = serve("--workers", "2", "--drain-timeout", "1")
    (client,) = connect(server.port)
    client.send("/sleep?seconds=30")
    until(lambda: sum(one["in_flight"] for one in server.status()["workers"]))
    began = server.kill(server.process.pid, signal.SIGTERM)
    status, body = client.answer()
    assert (status, b"shutting down" in body) == (503, True)
    assert server.ended() == 0
    assert 1 <= time.monotonic() - began < 15


def test_a_second_signal_ends_it_at_once(serve: Serve, connect: Connect) -> None:
    server = serve("--workers", "2", "--drain-timeout", "60")
    (client,) = connect(server.port)
    client.send("/sleep?seconds=30")
    until(lambda: sum(one["in_flight"] for one in server.status()["workers"]))
    server.kill(server.process.pid, signal.SIGINT)
    until(lambda: {one["state"] for one in server.status()["workers"]} == {"draining"} or not server.workers())
    began = server.kill(server.process.pid, signal.SIGINT)
    assert client.answer()[0] == 503
    assert server.ended() == 0
    assert time.monotonic() - began < 30


def test_during_the_delay_it_is_not_ready_and_serves(serve: Serve) -> None:
    server = serve("--workers", "2", "--drain-delay", "3")
    assert server.admin("/readyz")[0] == 200
    began = server.kill(server.process.pid, signal.SIGTERM)
    until(lambda: server.admin("/readyz")[0] == 503, 2)
    status, body = server.admin("/readyz")
    assert (status, b'"drain":{"ok":false,"detail":"stopping"}' in body) == (503, True)
    assert server.get("/pid")[0] == 200
    assert server.admin("/livez") == (200, b"ok\n")
    assert server.ended() == 0
    assert time.monotonic() - began >= 3


def test_a_second_signal_cuts_the_delay_short(serve: Serve) -> None:
    server = serve("--workers", "1", "--drain-delay", "60", "--drain-timeout", "60")
    server.kill(server.process.pid, signal.SIGTERM)
    until(lambda: server.admin("/readyz")[0] == 503)
    server.kill(server.process.pid, signal.SIGTERM)
    assert server.ended() == 0


def test_a_signal_while_the_workers_start_ends_it(serve: Serve) -> None:
    server = serve("--workers", "2", wait=False)
    (server.folder / "startup").write_text("wait")
    until(lambda: len(server.processes()) == 3)
    until(lambda: any((server.folder / "stanchion").glob("*.sock")))
    server.kill(server.process.pid, signal.SIGTERM)
    assert server.ended() == 0
    assert server.processes() == []


def test_a_replacement_that_waits_for_its_turn_is_not_begun_any_more(serve: Serve) -> None:
    server = serve("--workers", "1")
    victim = server.full()[0]
    (server.folder / "startup").write_text("wait")
    server.kill(victim)
    until(lambda: set(server.processes()) - {server.process.pid, victim})
    server.kill(server.process.pid, signal.SIGHUP)
    time.sleep(0.5)  # the reload waits behind the worker that starts
    server.kill(server.process.pid, signal.SIGTERM)
    assert server.ended() == 0
    assert server.processes() == []
    assert "reload: the server is stopping" in server.errors


def test_workers_of_a_killed_supervisor_finish_and_end(serve: Serve, connect: Connect) -> None:
    server = serve("--workers", "2", "--drain-timeout", "10")
    (client,) = connect(server.port)
    client.send("/sleep?seconds=1")
    port = server.port
    until(lambda: sum(one["in_flight"] for one in server.status()["workers"]))
    server.kill(server.process.pid)
    server.process.wait()
    assert client.answer() == (200, b"slept")
    until(lambda: not server.processes())
    with pytest.raises(ConnectionRefusedError):
        HTTPConnection("127.0.0.1", port).connect()


def test_a_stuck_worker_of_a_killed_supervisor_ends_too(serve: Serve, connect: Connect) -> None:
    server = serve("--workers", "1", "--drain-timeout", "0")
    (client,) = connect(server.port)
    client.send("/block?seconds=60")
    until(lambda: server.status()["workers"][0]["loop_lag"] > 0.5)
    server.kill(server.process.pid)
    server.process.wait()
    until(lambda: not server.processes())  # its heartbeat's thread ends it


def test_nothing_is_left_behind(serve: Serve) -> None:
    server = serve("--workers", "2", "--admin-socket", "admin.sock", "--admin-port", "off", "--unix-socket", "app.sock")
    made = [server.folder / "admin.sock", server.folder / "app.sock", *(server.folder / "stanchion").iterdir()]
    assert [os.path.exists(path) for path in made] == [True] * 3
    server.kill(server.process.pid, signal.SIGTERM)
    assert server.ended() == 0
    assert [os.path.exists(path) for path in made] == [False] * 3
    assert server.processes() == []
