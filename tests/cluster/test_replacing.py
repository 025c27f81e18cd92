"""Workers that are replaced: asked to, due to be recycled, without a sign of life; and more or fewer of them."""

import signal
import time

from tests.cluster.conftest import Connect, Serve
from tests.cluster.load import NONE_REFUSED, Load, failures, under
from tests.cluster.running import listening, until

MIB = 2**20


def test_a_worker_that_is_sent_sigterm_is_replaced(serve: Serve) -> None:
    server = serve("--workers", "2", NONE_REFUSED)
    asked = server.full()[1]
    loads = [Load(server.port, "/work", rate=60), Load(server.port, "/quick", rate=60, keep_alive=False)]
    with under(*loads):
        time.sleep(0.5)
        server.kill(asked, signal.SIGTERM)
        server.full(without=[asked])
    assert failures(loads) == []
    assert server.status()["restarts"] == {"asked": 1}


def test_recycling_by_requests_and_age(serve: Serve) -> None:
    server = serve("--workers", "2", "--recycle-requests", "100", "--recycle-age", "2s", NONE_REFUSED)
    first = set(server.full().values())
    loads = [Load(server.port, "/quick", rate=150), Load(server.port, "/work", rate=20, keep_alive=False)]
    with under(*loads):
        until(lambda: server.status()["restarts"].get("requests", 0) >= 3)
    until(lambda: server.status()["restarts"].get("age", 0) >= 2)
    assert failures(loads) == []
    assert not first & set(server.full().values())


def test_recycling_by_memory(serve: Serve) -> None:
    server = serve("--workers", "2", "--recycle-rss", "150MiB")
    pids = server.full()
    grown = int(server.get(f"/grow?size={200 * MIB}")[1])
    assert grown in pids.values()
    server.full(without=[grown])
    assert server.status()["restarts"] == {"rss": 1}


def test_a_stopped_process_is_replaced(serve: Serve) -> None:
    server = serve("--workers", "2", "--heartbeat-timeout", "1")
    victim = server.full()[0]
    server.kill(victim, signal.SIGSTOP)
    server.full(without=[victim])
    assert server.status()["restarts"] == {"unresponsive": 1}
    assert f"worker {victim} shows no sign of life for" in server.errors


def test_a_worker_stuck_with_the_interpreters_lock_shows_its_stacks_and_is_replaced(
    serve: Serve, connect: Connect
) -> None:
    server = serve("--workers", "1", "--heartbeat-timeout", "1")
    (victim,) = server.full().values()
    (client,) = connect(server.port)
    client.send("/stuck")
    server.full(without=[victim])
    assert server.status()["restarts"] == {"unresponsive": 1}
    assert 'app.py", line' in server.errors
    assert " in stuck" in server.errors


def test_a_blocked_loop_is_late_but_alive(serve: Serve, connect: Connect) -> None:
    server = serve("--workers", "1", "--heartbeat-timeout", "3")
    pids = server.full()
    (client,) = connect(server.port)
    client.send("/block?seconds=6")
    until(lambda: server.status()["workers"][0]["loop_lag"] > 2)
    assert client.answer() == (200, b"blocked")
    assert (server.full(), server.status()["restarts"]) == (pids, {})
    assert "no sign of life" not in server.errors


def test_the_others_accept_for_a_slot_only_while_nobody_serves_it(serve: Serve, connect: Connect) -> None:
    server = serve("--workers", "2")
    victim, other = server.full()[0], server.full()[1]
    assert listening(other) == 1
    (server.folder / "startup").write_text("wait")
    server.kill(victim)
    until(lambda: listening(other) == 2)
    assert {int(client.get("/pid")[1]) for client in connect(server.port, 20)} == {other}
    (server.folder / "startup").unlink()
    (starting,) = until(lambda: [pid for pid in server.processes() if pid not in (server.process.pid, other)])
    server.kill(starting)
    server.full(without=[victim, starting])
    until(lambda: listening(other) == 1)


def test_a_worker_that_is_told_late_accepts_for_its_own_slot_only(serve: Serve, connect: Connect) -> None:
    server = serve("--workers", "2")
    victim, other = server.full()[0], server.full()[1]
    while int((client := connect(server.port)[0]).get("/pid")[1]) != other:
        pass
    client.send("/block?seconds=2")
    until(lambda: any(one["loop_lag"] > 0.3 for one in server.status()["workers"]))
    server.kill(victim)
    server.full(without=[victim])
    assert client.answer() == (200, b"blocked")  # it has read by now that a slot was nobody's, and is served again
    assert client.get("/pid")[0] == 200
    until(lambda: listening(other) == 1)


def test_scaling_under_load_costs_nothing(serve: Serve, connect: Connect) -> None:
    server = serve("--workers", "2", NONE_REFUSED)
    idle = connect(server.port, 20)
    assert {client.get("/pid")[0] for client in idle} == {200}
    loads = [
        Load(server.port, "/work", rate=60),
        Load(server.port, "/quick", rate=60, prefix="quick-kept"),
        Load(server.port, "/quick", rate=60, keep_alive=False, prefix="quick-fresh"),
    ]
    with under(*loads):
        for count in (4, 1, 3, 2):
            assert server.command("scale", str(count), check=True).stdout == f"{count} workers\n"
            assert len(server.full()) == count
    assert failures(loads) == []
    assert {int(client.get("/pid")[1]) for client in idle} <= set(server.full().values())
    assert server.status()["restarts"] == {}


def test_more_workers_than_the_board_has_room_for(serve: Serve) -> None:
    server = serve("--workers", "1")
    done = server.command("scale", "500")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "stanchion: 500 workers: expected 1 to 8; restart with another --workers for more\n"
    assert len(server.full()) == 1


def test_reloads_leave_neither_zombies_nor_descriptors(serve: Serve) -> None:
    server = serve("--workers", "1")
    server.reload()
    server.full()
    before = server.descriptors()
    for _ in range(10):
        server.reload()
    server.full()
    until(lambda: server.descriptors() <= before)
    assert server.zombies() == []
    assert len(server.processes()) == 2
