"""Plain functions that block, in threads of this process: for what waits, and lets go of the interpreter's lock.

A thread cannot be cancelled. When a call's deadline passes its request is answered, and its place stays taken until the
function returns, so that the number of threads at work is never more than it says.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from functools import partial
from typing import Any

from stanchion.offload.places import PoolPlaces
from stanchion.tasks import settle
from stanchion.telemetry.decisions import Decisions
from stanchion.telemetry.tallies import PoolCell


class Threads:
    """A pool of threads; `run` is for the event loop's thread alone."""

    def __init__(self, size: int, longest: int, decisions: Decisions) -> None:
        self.places = PoolPlaces("thread", size, longest, decisions)
        self._decisions = decisions
        self._executor = ThreadPoolExecutor(size, thread_name_prefix="stanchion-handler")

    def __repr__(self) -> str:
        return f"<Threads {self.statistics()}>"

    def statistics(self) -> dict[str, int]:
        """See `PoolPlaces.statistics`."""
        return self.places.statistics()

    async def run(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call `function` in a thread, with a copy of the caller's context.

        Raises:
            ServiceUnavailable: too many calls wait (code `pool-full`).
        """
        await self.places.take()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()

        def tell(result: Any, error: BaseException | None) -> None:
            loop.call_soon_threadsafe(self._settle, answer, result, error)

        # not run_in_executor: its future would be done, and the place free, when the caller leaves
        self._executor.submit(_work, copy_context(), partial(function, *args, **kwargs), tell)
        return await answer

    def close(self) -> None:
        """Take no more; threads at work are not waited for."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _settle(self, answer: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
        self.places.leave()
        self._decisions.pool_done += 1
        self.places.counts[PoolCell.DONE] += 1
        settle(answer, result, error)


def _work(context: Context, function: Callable[[], Any], tell: Callable[[Any, BaseException | None], Any]) -> None:
    try:
        result = context.run(function)
    except BaseException as error:
        tell(None, error)
    else:
        tell(result, None)
