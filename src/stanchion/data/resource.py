"""A client of any other store, behind the limits that a database has here.

mongo = app.resource("mongo", open=connect, close=AsyncMongoClient.close, failures=(ConnectionFailure,))

item = await mongo.call(find_item, 7)     # `await find_item(client, 7)`; again, within a budget, if there is no answer
async with mongo.client() as client:      # once: for what must not be done twice
    await client.shop.orders.insert_one(order)
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Annotated, Any, Concatenate, Generic, ParamSpec, TypedDict, TypeVar

from msgspec import Meta, Struct

from stanchion.data.limits import Limits
from stanchion.deadline import lift
from stanchion.dependency import Dependency
from stanchion.errors import ConfigurationError, GatewayTimeout, ServiceUnavailable
from stanchion.offload.places import Places
from stanchion.ranges import check_ranges
from stanchion.telemetry.tallies import BulkheadCell

C = TypeVar("C")
P = ParamSpec("P")
T = TypeVar("T")

_RETRY = {"Retry-After": "1"}


class ResourceOptions(Struct, frozen=True, kw_only=True):
    """How a resource is used.

    Raises:
        ConfigurationError: a value is out of its range.
    """

    concurrency: Annotated[int, Meta(ge=1, le=100_000)] = 64
    """Calls of a worker at one time. Take what the client's pool has, else calls wait there, out of sight."""
    waiting: Annotated[int, Meta(ge=0, le=1_000_000)] = 1000
    """Calls of a worker that may wait for their turn; those beyond are refused at once."""
    timeout: Annotated[float, Meta(gt=0, le=3600)] = 10.0
    """Seconds to wait for the turn, and of an attempt, where the request's deadline is not earlier."""
    retries: Annotated[int, Meta(ge=0, le=10)] = 2
    """Attempts of `call` after the first, while the budget lasts."""
    failures: tuple[type[Exception], ...] = ()
    """Exceptions of the client that mean there was no answer: they count against the store, are tried again, and are
    503. OSError always is one, and with it TimeoutError. Any other exception is an answer, and raised as it is."""

    def __post_init__(self) -> None:
        check_ranges(self, "resource option {name}={value!r}")


class ResourceKeywords(TypedDict, total=False):
    """The fields of `ResourceOptions`, as keywords."""

    concurrency: int
    waiting: int
    timeout: float
    retries: int
    failures: tuple[type[Exception], ...]


class Handling(Struct, Generic[C], frozen=True, kw_only=True):
    """What is done with a client besides calls."""

    open: Callable[[], Awaitable[C]]
    """Makes it, in each worker."""
    close: Callable[[C], Awaitable[Any]] | None = None
    check: Callable[[C], Awaitable[Any]] | None = None
    """Raises while the store does not answer."""


class _Raised(Struct, frozen=True):
    """An exception that is an answer."""

    error: Exception


class Resource(Generic[C]):
    """One store, as one worker calls it; safe to use from many tasks at once."""

    def __init__(self, dependency: Dependency, handling: Handling[C], options: ResourceOptions) -> None:
        """`dependency` has no time-out of its own."""
        self.name = dependency.name
        self.counts = [0] * len(BulkheadCell)
        """By `BulkheadCell`."""
        self._dependency = dependency
        self._handling = handling
        self._limits = Limits(waiting=options.waiting, patience=options.timeout)
        self._places = Places(options.concurrency, options.waiting)
        self._failures: tuple[type[Exception], ...] = (OSError, *options.failures)
        self._opening: asyncio.Task[C] | None = None

    def __repr__(self) -> str:
        return f"<Resource {self._dependency!r}, {self._places!r}>"

    def statistics(self) -> dict[str, float]:
        """Calls at work, those that wait, and the statistics of the dependency."""
        return {"in_use": self._places.taken, "waiting": self._places.waiting, **self._dependency.statistics()}

    async def call(
        self, function: Callable[Concatenate[C, P], Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """`await function(client, *args, **kwargs)`, again if there is no answer: for what may be done twice.

        Raises:
            ServiceUnavailable: there is no turn in time (code `dependency-busy`), or no answer
                (`dependency-unavailable`).
            GatewayTimeout: there is no answer in time (code `dependency-timeout`).
        """

        async def attempt() -> T | _Raised:
            async with asyncio.timeout(self._limits.patience_now()):
                client = await self._opened()
                try:
                    return await function(client, *args, **kwargs)
                except self._failures:
                    raise
                except Exception as error:
                    return _Raised(error)

        async with self._turn():  # kept over the pauses between attempts, which a tenth of calls have and are short
            outcome = await self._dependency.call(attempt)
        if isinstance(outcome, _Raised):
            raise outcome.error
        return outcome

    @asynccontextmanager
    async def client(self) -> AsyncIterator[C]:
        """The client, for as long as the block lasts, which is within the deadline.

        Raises:
            ServiceUnavailable, GatewayTimeout: as `call`.
        """
        answer = None
        async with self._turn(), self._dependency, asyncio.timeout(self._limits.patience_now()):
            client = await self._opened()
            try:
                yield client
            except self._failures:
                raise
            except Exception as error:
                answer = error
        if answer is not None:
            raise answer

    async def open(self) -> None:
        """Make the client. Where the store does not answer yet, the first call that finds it up does that.

        Raises:
            ConfigurationError: it cannot be made, for another reason.
        """
        try:
            await self._opened()
        except ConfigurationError:
            raise
        except self._failures:
            return
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            raise ConfigurationError(f"the resource {self.name!r} failed at start: {what}") from error

    async def close(self) -> None:
        """Close the client, within the time-out."""
        opening, self._opening = self._opening, None
        if opening is None:
            return
        if opening.cancel():
            await asyncio.wait((opening,))
        elif self._handling.close is not None:
            with suppress(*self._failures):
                async with asyncio.timeout(self._limits.patience):
                    await self._handling.close(opening.result())

    async def check(self) -> None:
        """Raise while the store does not answer; for a readiness check."""
        if self._handling.check is not None:
            await self._handling.check(await self._opened())

    async def _opened(self) -> C:
        """The client. One attempt to make it is for all who wait."""
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._made())
            self._opening.add_done_callback(self._forget)
        return await asyncio.shield(self._opening)

    async def _made(self) -> C:
        lift()
        async with asyncio.timeout(self._limits.patience):
            return await self._handling.open()

    def _forget(self, opening: "asyncio.Task[C]") -> None:
        if (opening.cancelled() or opening.exception() is not None) and self._opening is opening:
            self._opening = None

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if not await self._places.enter(self._limits.patience_now()):
            self.counts[BulkheadCell.REFUSED] += 1
            busy = f"{self._places.size} calls to {self.name} are at work already"
            raise ServiceUnavailable(busy, code="dependency-busy", headers=_RETRY)
        self.counts[BulkheadCell.SERVED] += 1
        try:
            with self._translated():
                yield
        finally:
            self._places.leave()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            late = f"{self.name} did not answer in time"
            raise GatewayTimeout(late, code="dependency-timeout") from error
        except self._failures as error:
            gone = f"{self.name} does not answer"
            raise ServiceUnavailable(gone, code="dependency-unavailable", headers=_RETRY) from error
