"""Tasks that nobody waits for, and answers from threads."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Tasks(set[asyncio.Task[Any]]):
    """Those under way. The loop holds its tasks weakly: whoever begins one has to hold it until it ends."""

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Do it beside."""
        task = asyncio.get_running_loop().create_task(work)
        self.add(task)
        task.add_done_callback(self.discard)
        return task


def seen(task: asyncio.Task[Any]) -> None:
    """A callback of a task whose exception whoever it concerns has had: asyncio is not to report it as lost."""
    if not task.cancelled():
        task.exception()


def settle(answer: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
    """Give a call's answer to its caller, unless that one has left."""
    if answer.done():
        return
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)
