"""Where a handler runs: in a task, in a thread, or at once."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

import pytest
from msgspec import Struct

from stanchion.errors import ValidationFailed
from stanchion.offload.threads import Threads
from stanchion.routing.binding import BindLimits
from stanchion.telemetry.decisions import Decisions


class Required(Struct):
    a: int
    b: int


@asynccontextmanager
async def entered() -> AsyncIterator[None]:
    yield


async def numbers() -> AsyncIterator[int]:
    yield 1


async def awaits() -> None:
    await asyncio.sleep(0)


async def iterates() -> None:
    async for _ in numbers():
        pass


async def enters() -> None:
    async with entered():
        pass


async def comprehends() -> list[int]:
    return [n async for n in numbers()]


CURRENT: ContextVar[str] = ContextVar("current", default="none")


def test_a_plain_function_runs_in_the_pool_with_the_context(bound_of) -> None:
    def handler(n: int, *, handler: int = 0) -> list[str]:
        return [threading.current_thread().name, CURRENT.get(), str(n)]

    threads = Threads(1, 1, Decisions())
    bound = bound_of(handler, limits=BindLimits(in_thread=threads.run))
    CURRENT.set("here")
    assert bound.ask("n=1").body == b'["stanchion-handler_0","here","1"]'
    threads.close()
    assert bound.binding.inline is None


def test_an_inline_function_needs_no_task(bound_of, request_of) -> None:
    def handler(n: int) -> list[str]:
        return [threading.current_thread().name]

    bound = bound_of(handler, run="inline")
    here = f'["{threading.current_thread().name}"]'.encode()
    assert bound.ask("n=1").body == here
    assert bound.binding.inline(request_of("GET", "/?n=1")).body == here
    assert not bound.binding.takes_body
    with pytest.raises(ValidationFailed):
        bound.binding.inline(request_of("GET", "/?n=x"))


def test_an_inline_function_takes_a_body_that_is_there(bound_of, request_of) -> None:
    def handler(body: Required) -> list[int]:
        return [body.a, body.b]

    binding = bound_of(handler, "POST", run="inline").binding
    assert binding.takes_body
    assert binding.inline(request_of("POST", "/", {}, [b'{"a":1,', b'"b":2}'])).body == b"[1,2]"
    with pytest.raises(ValidationFailed):
        binding.inline(request_of("POST", "/"))


def test_an_async_function_that_awaits_is_never_inline(bound_of) -> None:
    async def handler() -> None:
        await asyncio.sleep(0)

    assert bound_of(handler, run="inline").binding.inline is None


def test_an_async_function_that_awaits_nothing_needs_no_task(bound_of, request_of) -> None:
    async def handler(n: int) -> list[int]:
        if n < 0:
            raise LookupError("no such number")
        return [n]

    inline = bound_of(handler).binding.inline
    assert inline(request_of("GET", "/?n=1")).body == b"[1]"
    with pytest.raises(LookupError):
        inline(request_of("GET", "/?n=-1"))


@pytest.mark.parametrize("handler", [awaits, iterates, enters, comprehends])
def test_every_way_to_wait_is_seen(bound_of, handler: Any) -> None:
    assert bound_of(handler).binding.inline is None
