"""The app's readiness checks, run beside its requests so that no probe ever waits for one."""

import asyncio
from collections.abc import Callable, Mapping

from stanchion.outside import ReadyCheck
from stanchion.settings import Settings

Report = Callable[[dict[str, str]], object]
_LONGEST = 200


class Checks:
    """Runs every check each `check_interval` seconds and reports all outcomes; an empty text is a success."""

    def __init__(self, checks: Mapping[str, ReadyCheck], settings: Settings, report: Report) -> None:
        self._checks = checks
        self._settings = settings
        self._report = report
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Checks {', '.join(self._checks) or 'none'}>"

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin, if there is any."""
        if self._checks:
            self._task = loop.create_task(self._run())

    def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        while True:
            outcomes = await asyncio.gather(*map(self._outcome, self._checks.values()))
            self._report(dict(zip(self._checks, outcomes, strict=True)))
            await asyncio.sleep(self._settings.check_interval)

    async def _outcome(self, check: ReadyCheck) -> str:
        timeout = self._settings.check_timeout
        try:
            async with asyncio.timeout(timeout):
                await check()
        except TimeoutError:
            return f"no outcome within {timeout:g} s"
        except Exception as error:
            return f"{type(error).__name__}: {error}"[:_LONGEST]
        return ""
