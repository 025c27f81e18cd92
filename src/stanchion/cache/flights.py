"""One call for all who ask for the same at the same time (single-flight), in one worker.

The call runs in a task that belongs to nobody: it goes on when its first caller leaves or runs out of time, and is
cancelled when nobody waits for it any more. It has the context of its first caller, so that what it logs can be found,
without that one's deadline; its own bound is the deadline that it sees instead.

An error is not amplified: all who wait get it, each a copy of its own. One exception raised in a thousand tasks would
carry what each of them had at hand when it was raised.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from contextvars import copy_context
from copy import copy
from time import monotonic
from types import TracebackType
from typing import Any, TypeVar, cast

from stanchion.deadline import lift, shorten
from stanchion.errors import GatewayTimeout, ServiceUnavailable

T = TypeVar("T")


class _Flight:
    """A call under way, and those who wait for it."""

    __slots__ = ("task", "traceback", "waiters")

    def __init__(self, task: "asyncio.Task[Any]") -> None:
        self.task = task
        self.traceback: TracebackType | None = None
        """Of its error, as `make` has raised it."""
        self.waiters: set[asyncio.Future[None]] = set()


class Flights:
    """The calls under way in a worker, by key."""

    def __init__(self, most_waiting: int = 10_000, bound: float = 60.0) -> None:
        """`most_waiting` callers may wait for calls of others, over all keys; a call may take `bound` seconds."""
        self._most_waiting = most_waiting
        self._bound = bound
        self._flights: dict[Hashable, _Flight] = {}
        self._waiting = 0
        self._made = self._coalesced = self._crowded = self._abandoned = 0

    def __repr__(self) -> str:
        return f"<Flights {len(self._flights)} under way, {self._waiting} of {self._most_waiting} wait>"

    def __contains__(self, key: Hashable) -> bool:
        """A call for it is under way: who asks now makes no work, and need not be admitted to any."""
        return key in self._flights

    def statistics(self) -> dict[str, int]:
        """Now: calls under way and callers who wait for another's. Since the start: calls made, callers who were
        answered by another's call, callers turned away, calls that nobody waited for any more."""
        return {
            "flights": len(self._flights),
            "waiting": self._waiting,
            "made": self._made,
            "coalesced": self._coalesced,
            "crowded": self._crowded,
            "abandoned": self._abandoned,
        }

    async def run(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """What `make()` returns, called once for all who ask for `key` until it is done.

        Raises:
            ServiceUnavailable: too many wait already (code `cache-crowded`).
            GatewayTimeout: the call took longer than its bound.
            Exception: what `make` has raised.
        """
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = self._begin(key, make)
            await self._wait(key, flight)
        else:
            await self._join(key, flight)
        return cast(T, _outcome(flight))

    def _begin(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> _Flight:
        self._made += 1
        task = asyncio.get_running_loop().create_task(_bounded(make, self._bound), context=copy_context())
        flight = _Flight(task)
        task.add_done_callback(lambda _: self._land(key, flight))
        return flight

    async def _join(self, key: Hashable, flight: _Flight) -> None:
        if self._waiting >= self._most_waiting:
            self._crowded += 1
            raise ServiceUnavailable(
                f"{self._waiting} requests wait for the cache", code="cache-crowded", headers={"Retry-After": "1"}
            )
        self._coalesced += 1
        self._waiting += 1
        try:
            await self._wait(key, flight)
        finally:
            self._waiting -= 1

    async def _wait(self, key: Hashable, flight: _Flight) -> None:
        """Until the call is done; the last to leave before that ends it."""
        waiter = asyncio.get_running_loop().create_future()
        flight.waiters.add(waiter)
        try:
            await waiter
        finally:
            flight.waiters.discard(waiter)
            if not flight.waiters and not flight.task.done():
                self._abandon(key, flight)

    def _abandon(self, key: Hashable, flight: _Flight) -> None:
        """Cancel it; who asks from now on gets a call of its own, not the end of this one."""
        self._abandoned += 1
        self._forget(key, flight)
        flight.task.cancel()

    def _land(self, key: Hashable, flight: _Flight) -> None:
        self._forget(key, flight)
        error = None if flight.task.cancelled() else flight.task.exception()  # seen, also where nobody waits any more
        if error is not None:
            flight.traceback = error.__traceback__
        for waiter in flight.waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _forget(self, key: Hashable, flight: _Flight) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]


async def _bounded(make: Callable[[], Awaitable[T]], bound: float) -> T:
    lift()
    shorten(monotonic() + bound)
    try:
        async with asyncio.timeout(bound) as timer:
            return await make()
    except TimeoutError:
        if timer.expired():
            raise GatewayTimeout(f"no answer within {bound:g} s") from None
        raise


def _outcome(flight: _Flight) -> Any:
    """The call's result.

    Raises:
        ServiceUnavailable: it was cancelled, though not for want of waiters: the worker ends (code `call-cancelled`).
        Exception: a copy of what it has raised, with the traceback up to here.
    """
    task = flight.task
    if task.cancelled():
        raise ServiceUnavailable("the call was cancelled", code="call-cancelled", headers={"Retry-After": "1"})
    error = task.exception()
    if error is None:
        return task.result()
    raise _copied(error).with_traceback(flight.traceback)


def _copied(error: BaseException) -> BaseException:
    """One like it; itself, where its class cannot be made anew from its `args`."""
    try:
        twin = copy(error)
    except Exception:  # whatever the class's __init__ does with arguments it does not expect
        return error
    if type(twin) is not type(error):
        return error
    twin.args = error.args  # which its __init__ may have made from others
    twin.__cause__, twin.__context__ = error.__cause__, error.__context__
    twin.__suppress_context__ = error.__suppress_context__
    return twin
