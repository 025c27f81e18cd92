"""Calls to what this API depends on: not while it does not answer, and again only as far as there is a budget.

payments = app.dependency("payments", retries=2, timeout=0.3)

receipt = await payments.call(charge, order)     # breaker, retries, hedging, deadline
async with payments:                             # the breaker alone, for what must not be done twice
    await charge(order)
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from random import random
from time import monotonic
from types import TracebackType
from typing import Annotated, ParamSpec, TypedDict, TypeVar

from msgspec import Meta, Struct

from stanchion.deadline import remaining
from stanchion.errors import ServiceUnavailable
from stanchion.limits.breaker import Breaker
from stanchion.limits.hedge import Hedge, RecentQuantile
from stanchion.limits.retry_budget import RetryBudget
from stanchion.ranges import check_ranges
from stanchion.telemetry.decisions import Decisions
from stanchion.telemetry.tallies import DependencyCell

P = ParamSpec("P")
T = TypeVar("T")

_EARLY = 0.01
_QUANTILE = r"^p[1-9][0-9](\.[0-9])?$"


class DependencyOptions(Struct, frozen=True, kw_only=True):
    """How a dependency is called.

    Raises:
        ConfigurationError: a value is out of its range.
    """

    retries: Annotated[int, Meta(ge=0, le=10)] = 2
    """Attempts after the first, while the budget lasts."""
    timeout: Annotated[float, Meta(gt=0)] | None = None
    """Seconds of an attempt; the request's deadline holds as well."""
    budget: Annotated[float, Meta(ge=0, le=1)] = 0.1
    """Retries as a share of calls."""
    pause: Annotated[float, Meta(ge=0)] = 0.05
    """Seconds: the first retry comes after a random part of it, the next after one of twice that, and so on."""
    hedge: Annotated[float, Meta(gt=0)] | Annotated[str, Meta(pattern=_QUANTILE)] | None = None
    """A second attempt beside the first once that takes longer than so many seconds, or than a quantile of the last
    calls, `p95`; the first answer wins and the other is cancelled. It is paid for as a retry is. Only for what may be
    done twice at one time."""
    answers: tuple[type[Exception], ...] = ()
    """Exceptions that are answers of the dependency, such as "no such customer": neither failures nor tried again."""

    def __post_init__(self) -> None:
        check_ranges(self, "dependency option {name}={value!r}")


class CallOptions(TypedDict, total=False):
    """The fields of `DependencyOptions`, as keywords."""

    retries: int
    timeout: float | None
    budget: float
    pause: float
    hedge: float | str | None
    answers: tuple[type[Exception], ...]


class Dependency:
    """One dependency of one worker: its breaker and its budget. Safe to use from many tasks at once."""

    def __init__(self, name: str, options: DependencyOptions, decisions: Decisions) -> None:
        self.name = name
        self.breaker = Breaker()
        self.budget = RetryBudget(share=options.budget)
        self.counts = [0] * len(DependencyCell)
        """By `DependencyCell`."""
        self.hedge = _hedge(options)
        self._options = options
        self._decisions = decisions

    def __repr__(self) -> str:
        return f"<Dependency {self.name}: {self.breaker}, {self.budget}>"

    def statistics(self) -> dict[str, float]:
        """Those of the breaker, of the budget and of the hedge."""
        hedge = {} if self.hedge is None else self.hedge.statistics()
        return {**self.breaker.statistics(), **self.budget.statistics(), **hedge}

    async def __aenter__(self) -> None:
        """Ask the breaker.

        Raises:
            ServiceUnavailable: it does not let calls out at present (code `dependency-unavailable`).
        """
        self._ask()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._judge(error)

    async def call(self, function: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """`await function(*args, **kwargs)`, again if it fails: for what may be done twice.

        Raises:
            ServiceUnavailable: the breaker does not let calls out at present (code `dependency-unavailable`).
            Exception: what the last attempt has raised.
        """
        self.budget.called(monotonic())
        attempt = 0
        while True:
            self._ask()
            try:
                async with asyncio.timeout(self._options.timeout):
                    if self.hedge is None:
                        result = await function(*args, **kwargs)
                    else:
                        result = await self.hedge.race(partial(function, *args, **kwargs), self._may_hedge)
            except BaseException as error:
                self._judge(error)
                attempt += 1
                if not isinstance(error, Exception) or isinstance(error, self._options.answers):
                    raise
                if not await self._again(attempt):
                    raise
            else:
                self._judge(None)
                return result

    def _ask(self) -> None:
        if not self.breaker.allows(monotonic()):
            self._decisions.dependency_refused += 1
            self.counts[DependencyCell.REFUSED] += 1
            raise ServiceUnavailable(
                f"{self.name} does not answer", code="dependency-unavailable", headers={"Retry-After": "1"}
            )
        self._decisions.dependency_calls += 1
        self.counts[DependencyCell.CALLED] += 1

    def _judge(self, error: BaseException | None) -> None:
        if isinstance(error, asyncio.CancelledError) and not _late():
            return  # its caller has left, which says nothing of the dependency
        if error is None or isinstance(error, self._options.answers):
            self.breaker.accepted(monotonic())
        else:
            self.breaker.failed(monotonic())
            self.counts[DependencyCell.FAILED] += 1

    def _may_hedge(self) -> bool:
        """Whether a call that takes long may be made once more beside itself; if so it is paid for."""
        if self.breaker.refusing or not self._pay():
            return False
        self._decisions.dependency_calls += 1
        self.counts[DependencyCell.CALLED] += 1
        self.counts[DependencyCell.HEDGED] += 1
        return True

    def _pay(self) -> bool:
        if not self.budget.take(monotonic()):
            self._decisions.retries_denied += 1
            self.counts[DependencyCell.RETRY_DENIED] += 1
            return False
        self._decisions.retries += 1
        self.counts[DependencyCell.RETRIED] += 1
        return True

    async def _again(self, attempt: int) -> bool:
        """Whether there is another attempt; waits for it, a random time (full jitter), so that clients spread."""
        if attempt > self._options.retries:
            return False
        pause = random() * self._options.pause * 2 ** (attempt - 1)
        left = remaining()
        if left is not None and left <= pause:
            return False
        if not self._pay():
            return False
        await asyncio.sleep(pause)
        return True


def _late() -> bool:
    """Whether the deadline is there, or so near that it is what has cancelled the call: a loop's timers are early."""
    left = remaining()
    return left is not None and left < _EARLY


def _hedge(options: DependencyOptions) -> Hedge | None:
    when = options.hedge
    if when is None:
        return None
    return Hedge(RecentQuantile(float(when[1:]) / 100) if isinstance(when, str) else when, options.answers)
