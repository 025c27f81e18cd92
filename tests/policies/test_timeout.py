"""Timeout: 504 in time, and nobody else's cancellation or TimeoutError taken for its own."""

import asyncio
from time import monotonic_ns
from typing import Any

import pytest

from stanchion import App, Timeout, deadline
from stanchion.errors import GatewayTimeout
from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.testing import Client


def bounded(seconds: float, work: Any) -> Any:
    async def call(request: Request) -> Response:
        return Response(await work())

    wrapped = Timeout(seconds=seconds).wrap(call, None)  # type: ignore[arg-type]

    def begin() -> Any:
        return wrapped(Request("GET", "/", "", {}, None, began=monotonic_ns()))  # type: ignore[arg-type]

    return begin


def test_what_is_in_time_is_answered_and_leaves_no_timer() -> None:
    async def main() -> None:
        async def quick() -> bytes:
            await asyncio.sleep(0)
            return b"quick"

        assert (await bounded(0.01, quick)()).body == b"quick"
        await asyncio.sleep(0.03)  # a timer left behind would cancel this

    asyncio.run(main())


def test_what_is_late_is_cancelled() -> None:
    async def main() -> None:
        with pytest.raises(GatewayTimeout, match=r"within 0\.01 s"):
            await bounded(0.01, asyncio.Event().wait)()
        await asyncio.sleep(0)  # the task itself is not left cancelled

    asyncio.run(main())


def test_the_handlers_own_timeout_is_its_own() -> None:
    async def main() -> None:
        async def inner() -> None:
            async with asyncio.timeout(0.001):
                await asyncio.sleep(1)

        with pytest.raises(TimeoutError):
            await bounded(1, inner)()

    asyncio.run(main())


def test_a_cancellation_from_outside_stays_one() -> None:
    async def main() -> None:
        task = asyncio.create_task(bounded(1, asyncio.Event().wait)())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_both_at_once_is_a_cancellation() -> None:
    async def main() -> None:
        async def slow_to_leave() -> None:
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                asyncio.current_task().cancel()  # type: ignore[union-attr]
                raise

        with pytest.raises(asyncio.CancelledError):
            await asyncio.create_task(bounded(0.01, slow_to_leave)())

    asyncio.run(main())


def test_a_handler_without_await_needs_no_task_under_it() -> None:
    app = App("inline", timeout=1)

    @app.get("/")
    async def name() -> str:
        return f"{deadline.remaining() or 0:.1f}"

    with Client(app) as client:
        assert client.get("/").text == "1.0"
