"""Nothing is lost that need not be: kills, reloads and ends under load, against a ledger that the handlers write."""

import signal
import time

from tests.cluster.conftest import Connect, Serve
from tests.cluster.load import NONE_REFUSED, REFUSED, Failure, Load, failures, under
from tests.cluster.running import Server, until

AROUND = 1.0
"""Seconds around a kill in which a request may have been sent to the killed worker without its reading it."""


def unforeseen(server: Server, failed: list[Failure], kills: dict[int, float]) -> list[Failure]:
    """Failures for which no kill accounts: the request was neither at work in a killed worker nor on its way to it."""
    notes = server.ledger()

    def foreseen(failure: Failure) -> bool:
        if failure.outcome == REFUSED or failure.name in notes["done"]:
            return False
        if failure.name in notes["begun"]:
            return notes["begun"][failure.name] in kills
        return any(at - AROUND < failure.began < at + AROUND for at in kills.values())

    return [failure for failure in failed if not foreseen(failure)]


def test_a_killed_worker_costs_the_requests_it_was_at_and_no_other(serve: Serve) -> None:
    server = serve("--workers", "2", NONE_REFUSED)
    kept = Load(server.port, "/work", rate=200, prefix="kept")
    fresh = Load(server.port, "/work", rate=100, keep_alive=False, prefix="fresh")
    with under(kept, fresh):
        time.sleep(2)
        victim = server.workers()[0]
        at = server.kill(victim)
        server.full(without=[victim])
        whole = time.monotonic() - at
        time.sleep(1.5)
    failed = failures([kept, fresh])
    print(f"{len(failed)} requests lost with the worker; full strength after {whole:.2f} s")
    assert unforeseen(server, failed, {victim: at}) == []
    assert 0 < len(failed) < 200  # half of 150 in flight, and what was on its way
    assert server.status()["restarts"] == {"crash": 1}


def test_reloads_under_load_cost_nothing(serve: Serve, connect: Connect) -> None:
    server = serve("--workers", "2", NONE_REFUSED)
    idle = connect(server.port, 20)
    assert {client.get("/pid")[0] for client in idle} == {200}
    loads = [
        Load(server.port, "/work", rate=20, prefix="work-kept"),
        Load(server.port, "/work", rate=10, keep_alive=False, prefix="work-fresh"),
        Load(server.port, "/quick", rate=40, prefix="quick-kept"),
        Load(server.port, "/quick", rate=20, keep_alive=False, prefix="quick-fresh"),
    ]
    seen = set(server.workers().values())
    with under(*loads):
        for _ in range(10):
            server.reload()
            pids = set(server.workers().values())
            assert len(pids) == 2
            assert not pids & seen, "a worker is an old one"
            seen |= pids
    assert failures(loads) == []
    current = server.workers().values()
    assert {int(client.get("/pid")[1]) for client in idle} <= set(current)
    assert server.ledger()["done"].keys() == {name for load in loads for name in load.account.answered}
    assert server.status()["restarts"] == {"reload": 20}


def test_sigterm_under_load_breaks_nothing(serve: Serve, connect: Connect) -> None:
    server = serve("--workers", "2", "--drain-timeout", "20", NONE_REFUSED)
    idle = connect(server.port, 20)
    assert {client.get("/pid")[0] for client in idle} == {200}
    kept = Load(server.port, "/work", rate=200, prefix="kept")
    fresh = Load(server.port, "/quick", rate=100, keep_alive=False, prefix="fresh")
    with under(kept, fresh):
        time.sleep(2)
        began = server.kill(server.process.pid, signal.SIGTERM)
        assert server.ended() == 0
        took = time.monotonic() - began
        time.sleep(0.2)
    failed = failures([kept, fresh])
    assert {failure.outcome for failure in failed} == {REFUSED}, [f for f in failed if f.outcome != REFUSED]
    assert all(failure.began > began - AROUND for failure in failed)
    assert server.ledger()["done"].keys() == kept.account.answered.keys() | fresh.account.answered.keys()
    assert took < 15
    assert server.output.endswith("stopped\n")


def test_five_kills_of_one_slot_leave_the_other_worker_alone(serve: Serve) -> None:
    server = serve("--workers", "2", NONE_REFUSED)
    load = Load(server.port, "/work", rate=100)
    steady = server.workers()[1]
    kills: dict[int, float] = {}
    began = time.monotonic()
    with under(load):
        for _ in range(5):
            victim = server.full(without=list(kills))[0]
            kills[victim] = server.kill(victim)
        server.full(without=list(kills))
        took = time.monotonic() - began
        time.sleep(0.6)
    assert took < 40, "a new worker takes about half a second, and the longest wait before one is some seconds"
    assert unforeseen(server, load.account.failures, kills) == []
    notes = server.ledger()
    mine = {name for name, pid in notes["begun"].items() if pid == steady}
    assert mine
    assert mine <= load.account.answered.keys()
    assert server.workers()[1] == steady
    assert server.status()["restarts"] == {"crash": 5}


def test_without_any_worker_connections_wait_for_the_next(serve: Serve, connect: Connect) -> None:
    server = serve("--workers", "1")
    victim = server.workers()[0]
    server.kill(victim)
    until(lambda: not server.workers())
    clients = connect(server.port, 50)
    for client in clients:
        client.send("/pid")
    pids = {client.answer() for client in clients}
    assert pids == {(200, str(server.full(without=[victim])[0]).encode())}
