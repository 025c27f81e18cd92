"""Pools: bounded, isolated from what dies in them, and under their caller's deadline."""

import asyncio
import os
import threading
import time
from collections.abc import Coroutine
from typing import Any

import pytest

from stanchion import App, HTTPError, Settings
from stanchion.deadline import shorten
from stanchion.errors import ConfigurationError, RouteError
from stanchion.offload.processes import Processes
from stanchion.offload.threads import Threads
from stanchion.telemetry.decisions import Decisions
from stanchion.testing import Client
from tests.offload import working


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def test_threads_are_bounded_and_so_is_their_queue() -> None:
    async def main() -> None:
        decisions = Decisions()
        threads = Threads(2, 3, decisions)
        gate = threading.Event()
        calls = [asyncio.create_task(threads.run(gate.wait)) for _ in range(5)]
        await asyncio.sleep(0.05)
        assert threads.statistics() == {"size": 2, "busy": 2, "waiting": 3}
        with pytest.raises(HTTPError) as refused:
            await threads.run(gate.wait)
        assert (refused.value.status, refused.value.code) == (503, "pool-full")
        calls.pop().cancel()
        await asyncio.sleep(0)
        assert threads.statistics()["waiting"] == 2
        gate.set()
        assert await asyncio.gather(*calls) == [True] * 4
        assert (decisions.pool_refused, decisions.pool_done) == (1, 4)
        assert threads.statistics() == {"size": 2, "busy": 0, "waiting": 0}
        threads.close()

    run(main())


def test_a_thread_s_place_is_taken_until_it_is_done_whoever_has_left() -> None:
    async def main() -> None:
        threads = Threads(1, 0, Decisions())
        gate = threading.Event()
        call = asyncio.create_task(threads.run(gate.wait))
        await asyncio.sleep(0.02)
        call.cancel()
        await asyncio.sleep(0.02)
        assert threads.statistics()["busy"] == 1
        gate.set()
        while threads.statistics()["busy"]:
            await asyncio.sleep(0.005)
        with pytest.raises(ValueError, match="as asked"):
            await threads.run(working.fail)
        threads.close()

    run(main())


def test_a_process_that_dies_fails_its_own_call_alone() -> None:
    async def main() -> None:
        decisions = Decisions()
        processes = Processes(2, 10, decisions)
        beside = asyncio.create_task(processes.run(working.sleep, 0.5))
        with pytest.raises(HTTPError) as died:
            await processes.run(working.die)
        assert died.value.code == "process-died"
        assert await processes.run(working.square, 7) == 49
        assert await beside == 0.5
        with pytest.raises(ValueError, match="as asked"):
            await processes.run(working.fail)
        assert decisions.pool_crashed == 1
        assert processes.statistics()["busy"] == 0
        processes.close()

    run(main())


def test_a_call_that_is_cancelled_takes_its_process_with_it() -> None:
    async def main() -> None:
        processes = Processes(1, 10, Decisions())
        first = await processes.run(working.pid)
        call = asyncio.create_task(processes.run(working.sleep, 60))
        await asyncio.sleep(0.1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await processes.run(working.pid) != first
        assert processes.statistics() == {"size": 1, "busy": 0, "waiting": 0, "processes": 1}
        processes.close()

    run(main())


def test_a_start_outlasts_the_deadline_of_who_asked_for_it() -> None:
    async def main() -> None:
        processes = Processes(1, 10, Decisions())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await processes.run(working.pid)
        assert await processes.run(working.pid) != os.getpid()
        assert processes.statistics()["processes"] == 1
        processes.close()

    run(main())


def test_a_process_knows_its_caller_s_deadline() -> None:
    async def main() -> None:
        processes = Processes(1, 1, Decisions())
        assert await processes.run(working.left) is None
        shorten(time.monotonic() + 5)
        assert 1 < await processes.run(working.left) <= 5
        processes.close()

    run(main())


def test_a_route_runs_where_it_says() -> None:
    app = App("away", timeout=20)
    app.get("/process", run="process")(working.pid)
    app.get("/thread")(working.pid)

    @app.get("/cpu/{number:int}")
    async def cpu(number: int) -> int:
        return await app.cpu(working.square, number)

    with Client(app) as client:
        assert client.get("/process").json() != os.getpid()
        assert client.get("/thread").json() == os.getpid()
        assert client.get("/cpu/12").json() == 144


def test_a_route_s_deadline_kills_its_process() -> None:
    app = App("killed", timeout=20)
    app.get("/sleep", run="process", timeout=1.0)(working.sleep)
    app.get("/pid", run="process")(working.pid)
    with Client(app, Settings(processes=1)) as client:
        assert client.get("/pid").status == 200
        assert client.get("/sleep?seconds=60").status == 504
        assert client.get("/pid").status == 200
    assert app.decisions.pool_crashed == 1


def test_what_no_process_can_run_is_an_error_at_start() -> None:
    app = App("nested")

    @app.get("/", run="process")
    def nested() -> int:
        return 1

    with pytest.raises(RouteError, match="define it at the top of its module"):
        app.compile()
    waits = App("async")

    @waits.get("/", run="process")
    async def waiting() -> int:
        return 1

    with pytest.raises(RouteError, match="is for a plain `def`"):
        waits.compile()


def test_cpu_before_the_start_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="before the app started"):
        asyncio.run(App("early").cpu(working.square, 2))
