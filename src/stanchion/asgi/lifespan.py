"""A foreign app's startup and shutdown (ASGI lifespan spec 2.0)."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from stanchion.asgi.messages import ASGIApp, Message, invalid, name_of
from stanchion.errors import ConfigurationError

_log = logging.getLogger("stanchion.error")


class _Lifespan:
    """The conversation. An app that fails or returns before it says that it is up does not know lifespans: let it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._asked: asyncio.Queue[Message] = asyncio.Queue()
        self._said: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def ask(self, kind: str, state: dict[str, Any]) -> Message | None:
        """The app's word on `lifespan.startup` or `lifespan.shutdown`; None if it ends without one."""
        self._asked.put_nowait({"type": kind})
        if self._task is None:
            self._task = asyncio.create_task(self._run(state), name=f"lifespan of {name_of(self._app)}")
        word = asyncio.create_task(self._said.get())
        try:
            await asyncio.wait((word, self._task), return_when=asyncio.FIRST_COMPLETED)
            return word.result() if word.done() else None
        finally:
            word.cancel()

    async def _run(self, state: dict[str, Any]) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": state}
        await self._app(scope, self._asked.get, self._send)

    async def _send(self, message: Message) -> None:
        kind = message.get("type")
        if kind not in _WORDS:
            raise invalid(message, " or ".join(_WORDS))
        self._said.put_nowait(message)

    async def finish(self) -> BaseException | None:
        """End the task; what it failed with."""
        task = self._task
        assert task is not None
        if not task.done():
            await asyncio.wait((task,), timeout=0.1)  # it may have a last line to run
            task.cancel()
            await asyncio.wait((task,))
        return None if task.cancelled() else task.exception()


_WORDS = (
    "lifespan.startup.complete",
    "lifespan.startup.failed",
    "lifespan.shutdown.complete",
    "lifespan.shutdown.failed",
)


@asynccontextmanager
async def alive(app: ASGIApp, state: dict[str, Any]) -> AsyncIterator[None]:
    """Start the app, which may fill `state`, and stop it at the end; a failing stop is logged.

    Raises:
        ConfigurationError: the app says that its startup failed.
    """
    lifespan = _Lifespan(app)
    word = await lifespan.ask("lifespan.startup", state)
    if word is None:
        await lifespan.finish()
        yield
        return
    if word["type"] != "lifespan.startup.complete":
        await lifespan.finish()
        raise ConfigurationError(f"the ASGI app {name_of(app)} failed at start: {_reason(word)}")
    try:
        yield
    finally:
        word = await lifespan.ask("lifespan.shutdown", state)
        error = await lifespan.finish()
        if error is not None:
            _log.error("the ASGI app %s failed at shutdown", name_of(app), exc_info=error)
        elif word is not None and word["type"] == "lifespan.shutdown.failed":
            _log.error("the ASGI app %s failed at shutdown: %s", name_of(app), _reason(word))


def _reason(message: Message) -> str:
    """The last line of what it says: Starlette sends a whole traceback."""
    lines = [line.strip() for line in str(message.get("message", "")).splitlines() if line.strip()]
    return lines[-1] if lines else "it does not say why"
