"""Readiness checks: run again and again, beside each other, none for longer than it may take."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from stanchion.cluster.checks import Checks
from stanchion.settings import Settings

SETTINGS = Settings(check_interval=0.05, check_timeout=0.05)
Check = Callable[[], Awaitable[None]]


def reports(checks: Mapping[str, Check], count: int) -> list[dict[str, str]]:
    """The first `count` reports."""

    async def run() -> list[dict[str, str]]:
        loop = asyncio.get_running_loop()
        found: list[dict[str, str]] = []
        enough = asyncio.Event()

        def report(outcomes: dict[str, str]) -> None:
            found.append(outcomes)
            if len(found) >= count:
                enough.set()

        running = Checks(checks, SETTINGS, report)
        running.start(loop)
        await asyncio.wait_for(enough.wait(), 10)
        running.stop()
        await asyncio.sleep(0.01)
        return found

    return asyncio.run(run())


async def passes() -> None:
    pass


async def fails() -> None:
    raise ConnectionError("no database")


async def hangs() -> None:
    await asyncio.sleep(60)


async def is_wordy() -> None:
    raise ValueError("x" * 1000)


def test_an_outcome_is_empty_or_says_why() -> None:
    (found,) = reports({"good": passes, "bad": fails, "slow": hangs, "long": is_wordy}, 1)
    assert found == {
        "good": "",
        "bad": "ConnectionError: no database",
        "slow": "no outcome within 0.05 s",
        "long": "ValueError: " + "x" * 188,
    }


def test_they_run_again_and_an_outcome_changes() -> None:
    outcomes = [None, ConnectionError("away"), None]

    async def changes() -> None:
        error = outcomes.pop(0)
        if error is not None:
            raise error

    assert reports({"changes": changes}, 3) == [{"changes": ""}, {"changes": "ConnectionError: away"}, {"changes": ""}]


def test_without_checks_nothing_runs() -> None:
    async def run() -> None:
        checks = Checks({}, SETTINGS, lambda outcomes: None)
        checks.start(asyncio.get_running_loop())
        assert asyncio.all_tasks() == {asyncio.current_task()}
        checks.stop()

    asyncio.run(run())
