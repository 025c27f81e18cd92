"""Calls of one loop tick made one: keyed reads, and writes that can share a commit.

The first call of a tick arranges for its end, when all that have come by then go together; while enough batches are
under way those that come gather for the next: the more load, the larger the batches, and the less each call costs.
Where batches are answered within 2 ms, one more is begun beside another only once it has as many calls: it costs 65 µs
of the processor to ask, and 21 at a time did so where 29 can (docs/why/batched-reads.md).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import Context
from itertools import chain
from typing import Any, Generic, TypeVar

from stanchion.data.replicas.seen import Carried, carried, carry
from stanchion.deadline import shorten, until
from stanchion.telemetry.spans import Span, current

Q = TypeVar("Q")
A = TypeVar("A")
Outcome = Any
"""An answer, or an exception that is the call's own."""
Waiting = tuple[Q, "asyncio.Future[A]", float | None, Carried | None, Sequence[Span]]
"""A call, its answer to come, its deadline, what it takes along, and whose work it is."""
Work = Callable[[Sequence[Q]], Awaitable[Sequence[Outcome]]]
_QUICK = 0.002
"""Seconds that a batch takes at the most if those that come meanwhile may wait for its end."""
_WATCH = 0.05
"""Seconds between two looks whether anybody still waits for a batch. Most are over by then; a callback of each answer
told at once, and cost every call 1 µs."""


class Gathering(Generic[Q, A]):
    """Gathers calls of `work`, which gets a batch and returns an outcome for each of it, in order.

    An exception that `work` raises is every caller's of that batch. Batches run in a context of their own, with the
    latest deadline of their callers. One that nobody waits for any more is cancelled within 50 ms.
    """

    def __init__(self, work: Work[Q], *, largest: int = 256, in_flight: int = 2, carries: bool = False) -> None:
        """`carries` is for work that reads databases: a batch then reads nothing older than any of its callers may."""
        self._work = work
        self._carries = carries
        self._largest = largest
        self._in_flight = in_flight
        self._loop: asyncio.AbstractEventLoop
        self._waiting: list[Waiting[Q, A]] = []
        self._running: dict[asyncio.Task[None], asyncio.TimerHandle] = {}
        self._enough = 0  # calls for which another batch is begun beside one that runs
        self._scheduled = False
        self._calls = 0
        self.batches = 0
        """Since the start."""

    def __repr__(self) -> str:
        return f"<Gathering {len(self._waiting)} wait, {len(self._running)} batches run>"

    def statistics(self) -> dict[str, int]:
        """Calls and the batches they went in since the start, and the calls that wait."""
        return {"calls": self._calls, "batches": self.batches, "waiting": len(self._waiting)}

    def call(self, question: Q) -> "asyncio.Future[A]":
        """The answer to come; who cancels it gives up on its own behalf alone."""
        if not (self._scheduled or self._running):
            self._loop = asyncio.get_running_loop()  # which asks the system whether this process was forked: 0.1 µs
        loop = self._loop
        answer: asyncio.Future[A] = loop.create_future()
        self._waiting.append((question, answer, until(), carried() if self._carries else None, current.get()))
        if not self._scheduled and len(self._running) < self._in_flight and self._may_start():
            self._scheduled = True
            loop.call_soon(self._flush)
        return answer

    def _may_start(self) -> bool:
        running = len(self._running)
        return not running or (running < self._in_flight and len(self._waiting) >= self._enough)

    def _flush(self) -> None:
        self._scheduled = False
        while self._waiting and self._may_start():
            batch, self._waiting = self._waiting[: self._largest], self._waiting[self._largest :]
            batch = [each for each in batch if not each[1].done()]
            if batch:
                self._start(batch)

    def _start(self, batch: "list[Waiting[Q, A]]") -> None:
        self.batches += 1
        self._calls += len(batch)
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._run(batch), context=Context())
        self._running[task] = loop.call_later(_QUICK, self._slow, task, batch)
        self._enough = len(batch)
        task.add_done_callback(self._ended)

    def _slow(self, task: "asyncio.Task[None]", batch: "list[Waiting[Q, A]]") -> None:
        self._running[task] = asyncio.get_running_loop().call_later(_WATCH, self._watch, task, batch)
        self._enough = 0
        self._flush()

    def _watch(self, task: "asyncio.Task[None]", batch: "list[Waiting[Q, A]]") -> None:
        if all(each[1].done() for each in batch):
            task.cancel()
        else:
            self._running[task] = asyncio.get_running_loop().call_later(_WATCH, self._watch, task, batch)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.pop(task).cancel()
        self._flush()

    async def _run(self, batch: "list[Waiting[Q, A]]") -> None:
        deadlines = [each[2] for each in batch if each[2] is not None]
        if len(deadlines) == len(batch):
            shorten(max(deadlines))
        if self._carries:
            carry([each[3] for each in batch if each[3] is not None])
        if spans := [each[4] for each in batch if each[4]]:
            current.set(tuple(dict.fromkeys(chain.from_iterable(spans))))
        try:
            outcomes: Sequence[Outcome] = await self._work([each[0] for each in batch])
        except asyncio.CancelledError:
            for each in batch:
                each[1].cancel()
            raise
        except Exception as error:
            outcomes = [error] * len(batch)
        for each, outcome in zip(batch, outcomes, strict=True):
            answer = each[1]
            if answer.done():
                continue
            if isinstance(outcome, Exception):
                answer.set_exception(_own(outcome))
            else:
                answer.set_result(outcome)


def _own(error: Exception) -> Exception:
    """The exception without a traceback: several tasks raise it, and each would add to the one they share."""
    return error.with_traceback(None)


class Keyed(Generic[Q, A]):
    """Gathers look-ups by key: a key asked for twice in a batch is looked up once.

    `load` gets distinct keys and returns what it has found, by key; an exception found for a key is raised for it.
    Where it fails for a batch it is called for each half, and so on, until a key that is malformed fails for itself:
    16 more calls for one key of 256. Not if the error is `fatal`, which is no key's fault. `copied` makes what a second
    caller of a key gets, where they should not share it; `carries` is as of `Gathering`.
    """

    def __init__(
        self,
        load: Callable[[Sequence[Q]], Awaitable[Mapping[Q, A]]],
        *,
        largest: int = 256,
        in_flight: int = 2,
        fatal: Callable[[Exception], bool] = lambda error: False,
        copied: Callable[[A], A] | None = None,
        carries: bool = False,
    ) -> None:
        self._load = load
        self._fatal = fatal
        self._copied = copied
        self.gathering: Gathering[Q, A | None] = Gathering(
            self._work, largest=largest, in_flight=in_flight, carries=carries
        )
        """Of keys that can be hashed; its answer is None for a key that `load` does not find."""

    def __repr__(self) -> str:
        return f"<Keyed {self.gathering!r}>"

    def statistics(self) -> dict[str, int]:
        """See `Gathering`."""
        return self.gathering.statistics()

    def get(self, key: Q) -> "asyncio.Future[A | None]":
        """What `load` finds for the key; None where it finds nothing.

        Raises:
            TypeError: the key cannot be hashed.
        """
        hash(key)
        return self.gathering.call(key)

    async def _work(self, keys: Sequence[Q]) -> Sequence[Outcome]:
        distinct = list(dict.fromkeys(keys))
        try:
            found: Mapping[Q, Outcome] = await self._load(distinct)
        except Exception as error:
            if len(distinct) <= 1 or self._fatal(error):
                raise
            found = await self._apart(distinct)
        if self._copied is None or len(distinct) == len(keys):
            return [found.get(key) for key in keys]
        return _own_each([found.get(key) for key in keys], self._copied)

    async def _apart(self, keys: Sequence[Q]) -> dict[Q, Outcome]:
        outcomes: dict[Q, Outcome] = {}
        parts = _halves(keys)
        while parts:
            part = parts.pop()
            try:
                outcomes |= await self._load(part)
            except Exception as error:
                if self._fatal(error):
                    return outcomes | {key: error for rest in (part, *parts) for key in rest}
                if len(part) > 1:
                    parts += _halves(part)
                else:
                    outcomes[part[0]] = error
        return outcomes


def _halves(keys: Sequence[Q]) -> list[Sequence[Q]]:
    middle = len(keys) // 2
    return [keys[middle:], keys[:middle]]


def _own_each(outcomes: Sequence[Outcome], copied: Callable[[Any], Any]) -> list[Outcome]:
    """The outcomes, of which each that is there again is a copy."""
    seen: set[int] = set()
    own: list[Outcome] = []
    for outcome in outcomes:
        again = id(outcome) in seen and outcome is not None and not isinstance(outcome, Exception)
        own.append(copied(outcome) if again else outcome)
        seen.add(id(outcome))
    return own
