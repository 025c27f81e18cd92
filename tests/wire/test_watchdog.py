"""The watchdog: a call that holds the loop is told with its route and stack, and a loop that is merely busy is not."""

import asyncio
import logging
import time

import pytest

from stanchion import App, Request
from stanchion.telemetry.decisions import Decisions
from stanchion.wire.watchdog import Watchdog
from tests.wire.client import get
from tests.wire.live import LOOPS
from tests.wire.serving import Serving


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("kind", ["inline", "task"])
def test_a_blocking_call_is_named(loop: str, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    app = App("blocked")

    async def inline() -> None:
        time.sleep(0.4)

    async def task(request: Request) -> None:
        await asyncio.sleep(0)
        time.sleep(0.4)

    app.get("/held")({"inline": inline, "task": task}[kind])
    served = Serving(loop, app)
    watchdog = Watchdog(0.1, app.decisions)
    served.run(started(watchdog))
    with caplog.at_level(logging.WARNING, "stanchion.blocked"):
        assert served.connect().send(get("/held")).answer().status == 204
    served.run(stopped(watchdog))
    assert app.decisions.loop_blocked == 1
    (record,) = [one for one in caplog.records if one.name == "stanchion.blocked"]
    assert "by GET /held\n" in record.getMessage()
    assert "time.sleep(0.4)" in record.getMessage()
    assert served.stop() == []


def test_many_short_calls_are_no_blocking(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        decisions = Decisions()
        watchdog = Watchdog(0.1, decisions)
        watchdog.start(asyncio.get_running_loop())
        loop = asyncio.get_running_loop()
        for _ in range(60):
            loop.call_soon(lambda: time.sleep(0.01))  # one turn of the loop that takes 0.6 s
        await asyncio.sleep(0.8)
        watchdog.stop()
        assert decisions.loop_blocked == 0

    asyncio.run(main())
    assert not [one for one in caplog.records if one.name == "stanchion.blocked"]


def test_lines_are_few_and_say_how_many_came_between(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        decisions = Decisions()
        watchdog = Watchdog(0.05, decisions)
        watchdog.start(asyncio.get_running_loop())
        for _ in range(3):
            seen = decisions.loop_blocked
            while decisions.loop_blocked == seen:
                hold()
                await asyncio.sleep(0.1)
        watchdog.stop()
        assert decisions.loop_blocked >= 3

    asyncio.run(main())
    assert len([one for one in caplog.records if one.name == "stanchion.blocked"]) == 1


def hold() -> None:
    time.sleep(0.3)


async def started(watchdog: Watchdog) -> None:
    watchdog.start(asyncio.get_running_loop())


async def stopped(watchdog: Watchdog) -> None:
    watchdog.stop()
