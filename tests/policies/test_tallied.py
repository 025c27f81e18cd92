"""Bulkheads, dependencies and pools are told by name on the board."""

from stanchion import App
from stanchion.cluster.status import bulkheads, dependencies, pools, snapshot
from stanchion.policies.concurrency import Concurrency
from stanchion.policies.runtime import Runtime
from stanchion.policies.tallied import tallied
from stanchion.router import Router
from stanchion.telemetry.decisions import Decisions
from stanchion.telemetry.tallies import BULKHEAD, BulkheadCell
from tests.wire.client import get
from tests.wire.serving import Serving


def served_app() -> App:
    app = App("told")
    payments = app.dependency("payments", retries=1, pause=0.001, budget=1.0)
    search = Router("/search", policies=[Concurrency(limit=2, name="search cluster")])
    fails = [True]

    async def charge() -> str:
        if fails.pop() if fails else False:
            raise ConnectionError("reset by peer")
        return "paid"

    @app.get("/pay", concurrency=1)
    async def pay() -> str:
        return await payments.call(charge)

    @app.get("/thread")
    def thread() -> str:
        return "done"

    @search.get("/items")
    async def items() -> str:
        return "items"

    app.include(search)
    return app


def test_each_is_counted_under_its_name() -> None:
    served = Serving("uvloop", served_app())
    with served.connect() as client:
        for path in ("/pay", "/thread", "/thread", "/search/items"):
            assert client.send(get(path)).answer().status == 200
    board = served.compiled.runtime.board
    assert served.stop() == []
    shown = snapshot(board)
    assert bulkheads(shown) == {
        "GET /pay": {"served": 1, "refused": 0},
        "search cluster": {"served": 1, "refused": 0},
    }
    assert dependencies(shown) == {
        "payments": {"called": 2, "failed": 1, "refused": 0, "retried": 1, "retry_denied": 0, "hedged": 0}
    }
    assert pools(shown) == {
        "threads": {"done": 2, "refused": 0, "crashed": 0},
        "processes": {"done": 0, "refused": 0, "crashed": 0},
    }


def test_no_board_is_made_before_a_worker_asks() -> None:
    runtime, counts = Runtime(), [0] * len(BulkheadCell)
    tallied(runtime, BULKHEAD, "one", counts)
    assert "no board yet" in repr(runtime)
    counts[BulkheadCell.REFUSED] = 7
    runtime.measure(Decisions())
    assert bulkheads(snapshot(runtime.board)) == {"one": {"served": 0, "refused": 7}}
