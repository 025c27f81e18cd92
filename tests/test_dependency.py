"""Dependencies: what a breaker keeps back, what is tried again, and how little an outage is multiplied by it."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from stanchion import App, HTTPError
from stanchion.deadline import shorten
from stanchion.dependency import Dependency, DependencyOptions
from stanchion.errors import ConfigurationError
from stanchion.telemetry.decisions import Decisions


class NoSuchCustomer(Exception):
    pass


class Failing:
    """A real server that counts who comes, and closes the connection without an answer while it is broken. The first
    answer to one in `slow_each` questions takes two seconds; asked again, it is as quick as to the others."""

    def __init__(self) -> None:
        self.broken = False
        self.slow_each = 0
        self.asked = 0
        self._questions: set[bytes] = set()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        async with server:
            yield server.sockets[0].getsockname()[1]

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        question = await reader.readline()
        self.asked += 1
        new = question not in self._questions
        self._questions.add(question)
        if self.slow_each and new and len(self._questions) % self.slow_each == 0:
            await asyncio.sleep(2)
        if not self.broken:
            writer.write(b"answer\n")
            await writer.drain()
        writer.close()


async def ask(port: int, number: int = 0) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"question %d\n" % number)
        if await reader.readline() != b"answer\n":
            raise ConnectionError("no answer")
    finally:
        writer.close()


def dependency(**options: object) -> Dependency:
    return Dependency("orders", DependencyOptions(**options), Decisions())


def test_an_outage_is_multiplied_by_a_tenth_at_most_and_over_within_seconds() -> None:
    async def main() -> None:
        server = Failing()
        calls = dependency(retries=3, pause=0.02)
        fates: list[tuple[float, bool]] = []

        async def one(port: int) -> None:
            began = time.monotonic()
            try:
                await calls.call(ask, port)
            except (HTTPError, OSError):
                fates.append((began, False))
            else:
                fates.append((began, True))

        async def load(group: asyncio.TaskGroup, port: int, seconds: float) -> int:
            end, wanted = time.monotonic() + seconds, 0
            while time.monotonic() < end:
                group.create_task(one(port))
                wanted += 1
                await asyncio.sleep(random.expovariate(200))
            return wanted

        async with server.serving() as port, asyncio.TaskGroup() as group:
            await load(group, port, 1.0)
            server.broken, asked = True, server.asked
            wanted = await load(group, port, 4.0)
            assert server.asked - asked <= 1.1 * wanted
            server.broken, recovered = False, time.monotonic()
            await load(group, port, 6.0)
        late = [good for began, good in fates if began > recovered + 5]
        assert sum(late) >= 0.95 * len(late) > 0

    asyncio.run(main())


def test_a_call_that_fails_once_is_made_again() -> None:
    async def main() -> None:
        calls = dependency(pause=0.001)
        outcomes = [ConnectionError("reset"), None]

        async def flaky() -> str:
            error = outcomes.pop(0)
            if error is not None:
                raise error
            return "answer"

        assert await calls.call(flaky) == "answer"
        assert calls._decisions.retries == 1

    asyncio.run(main())


def test_an_answer_that_is_an_exception_is_not_a_failure() -> None:
    async def main() -> None:
        calls, asked = dependency(answers=(NoSuchCustomer,)), 0

        async def missing() -> None:
            nonlocal asked
            asked += 1
            raise NoSuchCustomer

        for _ in range(20):
            with pytest.raises(NoSuchCustomer):
                await calls.call(missing)
        assert asked == 20
        assert calls.breaker.refusing == 0

    asyncio.run(main())


def test_there_is_no_retry_past_the_deadline_and_an_attempt_has_its_timeout() -> None:
    async def main() -> None:
        calls, asked = dependency(pause=10.0, timeout=0.01), 0

        async def slow() -> None:
            nonlocal asked
            asked += 1
            await asyncio.sleep(5)

        shorten(time.monotonic() + 0.0)
        with pytest.raises(TimeoutError):
            await calls.call(slow)
        assert asked == 1

    asyncio.run(main())


def test_without_budget_there_is_no_retry() -> None:
    async def main() -> None:
        calls, asked = dependency(retries=10, pause=0.0, budget=0.0), 0

        async def failing() -> None:
            nonlocal asked
            asked += 1
            raise OSError

        for _ in range(20):
            with pytest.raises((OSError, HTTPError)):
                await calls.call(failing)
        assert asked <= 20 + 3
        assert calls._decisions.retries_denied > 0

    asyncio.run(main())


@pytest.mark.parametrize(("hedge", "budget"), [("p90", 0.2), (0.1, 0.1)])
def test_hedging_takes_the_tail_away_for_few_more_calls(hedge: float | str, budget: float) -> None:
    async def main() -> None:
        server = Failing()
        server.slow_each = 20
        calls = dependency(hedge=hedge, budget=budget)
        took: list[float] = []

        async def caller(port: int, first: int) -> None:
            for number in range(first, first + 100):
                began = time.monotonic()
                await calls.call(ask, port, number)
                took.append(time.monotonic() - began)

        async with server.serving() as port:
            await asyncio.gather(*(caller(port, first) for first in range(0, 800, 100)))
            await asyncio.sleep(2.2)  # the server still answers those that were cancelled
        late = sorted(took[400:])  # a quantile is known by then
        assert late[int(0.99 * len(late))] < 1.5  # without hedging one in twenty takes two seconds
        assert 10 < server.asked - 800 <= budget * 800 + 10
        assert calls._decisions.retries == calls.statistics()["hedges"]

    asyncio.run(main())


def test_a_hedge_is_paid_for_as_a_retry() -> None:
    async def main() -> None:
        calls, asked = dependency(hedge=0.001, budget=0.0), 0

        async def slow() -> None:
            nonlocal asked
            asked += 1
            await asyncio.sleep(0.01)

        for _ in range(20):
            await calls.call(slow)
        assert asked <= 20 + 3
        assert calls._decisions.retries_denied >= 15

    asyncio.run(main())


def test_the_breaker_alone_keeps_calls_back() -> None:
    async def main() -> None:
        calls, refused = dependency(), 0
        for _ in range(200):
            try:
                async with calls:
                    raise OSError
            except OSError:
                pass
            except HTTPError as error:
                refused += (error.status, error.code) == (503, "dependency-unavailable")
        assert refused > 150
        assert calls._decisions.dependency_refused == refused
        assert "orders" in repr(calls)

    asyncio.run(main())


def test_names_and_options_are_checked_at_start() -> None:
    app = App("names")
    assert app.dependency("orders", retries=1).statistics()["requests"] == 0
    with pytest.raises(ConfigurationError, match="there already"):
        app.dependency("orders")
    for wrong in (0.0, "p5", "most"):
        with pytest.raises(ConfigurationError, match="hedge"):
            app.dependency("others", hedge=wrong)
    with pytest.raises(ConfigurationError, match="retries"):
        app.dependency("others", retries=-1)
    app.compile()
    with pytest.raises(ConfigurationError, match="after the app had started"):
        app.dependency("late")


def test_callers_who_leave_say_nothing_of_a_dependency_and_deadlines_do() -> None:
    async def forever() -> None:
        await asyncio.sleep(60)

    async def hurried(calls: Dependency) -> None:
        shorten(time.monotonic())
        await calls.call(forever)

    async def left(work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})

    async def main() -> None:
        calls = dependency(retries=0)
        for _ in range(50):
            await left(calls.call(forever))
        assert calls.statistics()["requests"] == calls.statistics()["refusing"] == 0
        for _ in range(20):
            await left(hurried(calls))
        assert calls.statistics()["refusing"] > 0.9

    asyncio.run(main())
