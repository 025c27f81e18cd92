"""Metrics count what happened: the client, the ledger and the page of metrics agree, whatever becomes of workers."""

import threading
import time

from tests.cluster.conftest import Serve
from tests.cluster.load import NONE_REFUSED, Load, under
from tests.cluster.running import Server, until


class Watch:
    """Reads a total again and again, and remembers when it went back."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.readings = [0]
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped.wait(0.01):
            self.readings.append(self._server.answered())

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()


def loads_of(server: Server, prefix: str) -> list[Load]:
    """Half a second's work on kept connections, and quick requests on fresh ones."""
    return [
        Load(server.port, "/work", rate=60, prefix=f"{prefix}-work"),
        Load(server.port, "/quick", rate=100, keep_alive=False, prefix=f"{prefix}-quick"),
    ]


def test_the_sum_is_that_of_the_client_and_of_the_ledger(serve: Serve) -> None:
    server = serve("--workers", "2", "--recycle-requests", "150", NONE_REFUSED)
    first, then = loads_of(server, "first"), loads_of(server, "then")
    watch = Watch(server)
    try:
        with under(*first):
            time.sleep(1)
        victim = server.full()[0]  # killed under load it may just have answered, and not counted it yet
        server.kill(victim)
        with under(*then):
            server.full(without=[victim])
            server.reload()
            until(lambda: server.status()["restarts"].get("requests", 0) >= 2)
    finally:
        watch.stop()
    answered = sum(len(load.account.answered) for load in (*first, *then))
    assert len(server.ledger()["done"]) == answered
    until(lambda: server.answered() == answered, 5)
    assert watch.readings == sorted(watch.readings)
    assert len(watch.readings) > 20
    status = server.status()
    assert sum(route["statuses"].get("2xx", 0) for route in status["routes"]) == answered
    assert {"crash", "reload", "requests"} <= status["restarts"].keys()
