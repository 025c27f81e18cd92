"""An app's two pools, as the app and its routes use them."""

from collections.abc import Callable
from typing import Any

from stanchion.offload.processes import Processes
from stanchion.offload.threads import Threads
from stanchion.settings import Settings
from stanchion.telemetry.decisions import Decisions


class Pools:
    """Made when the app is compiled; threads and processes are started as they are needed."""

    def __init__(self, settings: Settings, decisions: Decisions) -> None:
        self.threads = Threads(settings.threads, settings.max_pool_waiting, decisions)
        self.processes = Processes(settings.processes, settings.max_pool_waiting, decisions)
        self._decisions = decisions

    def __repr__(self) -> str:
        return f"<Pools {self.threads}, {self.processes}>"

    async def in_thread(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """See `Threads.run`."""
        return await self.threads.run(function, *args, **kwargs)

    async def in_process(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """See `Processes.run`."""
        return await self.processes.run(function, *args, **kwargs)

    def measure(self) -> None:
        """Bring the gauges of `Decisions` up to date."""
        threads, processes = self.threads.statistics(), self.processes.statistics()
        decisions = self._decisions
        decisions.threads_busy, decisions.processes_busy = threads["busy"], processes["busy"]
        decisions.pool_waiting = threads["waiting"] + processes["waiting"]

    def close(self) -> None:
        """Take no more work, and end all processes."""
        self.threads.close()
        self.processes.close()
