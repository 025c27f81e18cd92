"""Single-flight: one call whoever leaves, errors that are not amplified, and bounds."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from contextvars import ContextVar

import pytest

from stanchion import deadline
from stanchion.cache.flights import Flights
from stanchion.errors import FieldError, GatewayTimeout, HTTPError, NotFound, ServiceUnavailable, ValidationFailed

CALLER: ContextVar[str] = ContextVar("caller", default="nobody")


class Origin:
    """Counts its calls; each waits until it is let go."""

    def __init__(self, answer: object = "answer") -> None:
        self.calls = 0
        self.ended: list[str] = []
        self.go = asyncio.Event()
        self.answer = answer

    async def __call__(self) -> object:
        self.calls += 1
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.ended.append("cancelled")
            raise
        self.ended.append("answered")
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def run(main: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await main()

    asyncio.run(bounded())


async def failures(flights: Flights, error: Exception, callers: int) -> list[BaseException]:
    origin = Origin(error)
    tasks = [asyncio.create_task(flights.run("key", origin)) for _ in range(callers)]
    await turns()
    origin.go.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert origin.calls == 1
    assert all(isinstance(outcome, BaseException) for outcome in outcomes)
    return [outcome for outcome in outcomes if isinstance(outcome, BaseException)]


def test_a_thousand_callers_make_one_call() -> None:
    async def main() -> None:
        flights, origin = Flights(), Origin()
        tasks = [asyncio.create_task(flights.run("key", origin)) for _ in range(1000)]
        await turns()
        assert flights.statistics() == {
            "flights": 1,
            "waiting": 999,
            "made": 1,
            "coalesced": 999,
            "crowded": 0,
            "abandoned": 0,
        }
        assert repr(flights) == "<Flights 1 under way, 999 of 10000 wait>"
        assert "key" in flights
        assert "another" not in flights
        origin.go.set()
        assert await asyncio.gather(*tasks) == ["answer"] * 1000
        assert "key" not in flights
        assert origin.calls == 1
        assert flights.statistics()["flights"] == flights.statistics()["waiting"] == 0

    run(main)


def test_keys_do_not_wait_for_each_other_and_a_new_call_comes_after_the_old() -> None:
    async def main() -> None:
        flights, one, other = Flights(), Origin("one"), Origin("other")
        first = asyncio.create_task(flights.run("one", one))
        other.go.set()
        assert await flights.run("other", other) == "other"
        one.go.set()
        assert await first == "one"
        assert await flights.run("one", one) == "one"
        assert one.calls == 2

    run(main)


@pytest.mark.parametrize("leaving", [0, 1, 998])
def test_the_call_goes_on_when_a_caller_leaves(leaving: int) -> None:
    async def main() -> None:
        flights, origin = Flights(), Origin()
        tasks = [asyncio.create_task(flights.run("key", origin)) for _ in range(999)]
        await turns()
        tasks.pop(leaving).cancel()
        await turns()
        origin.go.set()
        assert await asyncio.gather(*tasks) == ["answer"] * 998
        assert origin.ended == ["answered"]
        assert flights.statistics()["abandoned"] == 0

    run(main)


def test_the_call_ends_when_the_last_caller_has_left() -> None:
    async def main() -> None:
        flights, origin = Flights(), Origin()
        tasks = [asyncio.create_task(flights.run("key", origin)) for _ in range(3)]
        await turns()
        for task in tasks:
            assert origin.ended == []
            task.cancel()
            await turns()
        assert origin.ended == ["cancelled"]
        assert flights.statistics() == {
            "flights": 0,
            "waiting": 0,
            "made": 1,
            "coalesced": 2,
            "crowded": 0,
            "abandoned": 1,
        }

    run(main)


def test_who_asks_while_an_abandoned_call_ends_gets_another() -> None:
    async def main() -> None:
        flights, slow = Flights(), asyncio.Event()

        async def slow_to_end() -> str:
            try:
                await asyncio.Event().wait()
            finally:
                await slow.wait()
            return "never"

        leaving = asyncio.create_task(flights.run("key", slow_to_end))
        await turns()
        leaving.cancel()
        await turns()
        origin = Origin()
        origin.go.set()
        assert await flights.run("key", origin) == "answer"
        slow.set()
        await turns()
        assert flights.statistics()["flights"] == 0

    run(main)


def test_the_call_has_its_first_callers_context_but_its_own_deadline() -> None:
    async def main() -> None:
        seen: list[tuple[str, float | None]] = []

        async def make() -> str:
            seen.append((CALLER.get(), deadline.remaining()))
            CALLER.set("the call")
            return "answer"

        CALLER.set("the first")
        deadline.shorten(asyncio.get_running_loop().time() + 0.001)
        await asyncio.sleep(0.002)
        await Flights(bound=30).run("key", make)
        ((caller, left),) = seen
        assert caller == CALLER.get() == "the first"
        assert left is not None
        assert 29 < left <= 30

    run(main)


def test_a_call_is_bounded() -> None:
    async def main() -> None:
        flights, origin = Flights(bound=0.02), Origin()
        outcomes = await asyncio.gather(*(flights.run("key", origin) for _ in range(3)), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [GatewayTimeout] * 3
        assert "no answer within 0.02 s" in str(outcomes[0])
        assert origin.ended == ["cancelled"]

    run(main)


def test_a_time_out_of_the_origin_itself_is_an_error_like_others() -> None:
    async def main() -> None:
        outcomes = await failures(Flights(), TimeoutError("its own"), 2)
        assert [(type(outcome), str(outcome)) for outcome in outcomes] == [(TimeoutError, "its own")] * 2

    run(main)


@pytest.mark.parametrize(
    "error",
    [
        NotFound("no such thing", headers={"X-Why": "gone"}, hint="look elsewhere"),
        HTTPError("odd", status=418, code="teapot"),
        ValidationFailed([FieldError(location="path.id", expected="integer", received='"x"')]),
        OSError(111, "refused", "file"),
        KeyError("missing"),
    ],
)
def test_an_error_is_everybodys_each_with_a_copy(error: Exception) -> None:
    async def main() -> None:
        cause = ValueError("the cause")
        error.__cause__ = cause
        outcomes = await failures(Flights(), error, 50)
        assert len({id(outcome) for outcome in outcomes}) == 50
        for outcome in outcomes:
            assert type(outcome) is type(error)
            assert str(outcome) == str(error)
            assert outcome.__dict__ == error.__dict__
            assert outcome.__cause__ is cause
            frames = [frame.name for frame in traceback.extract_tb(outcome.__traceback__)]
            assert frames[-1] == "__call__"  # where the origin raised it
            assert len(frames) < 8

    run(main)


class Unusual(Exception):
    """Cannot be made from its args."""

    def __init__(self, *, what: str) -> None:
        super().__init__()
        self.what = what


def test_an_error_that_cannot_be_copied_is_shared_and_does_not_grow() -> None:
    async def main() -> None:
        error = Unusual(what="this")
        outcomes = await failures(Flights(), error, 200)
        assert all(outcome is error for outcome in outcomes)
        assert len(traceback.extract_tb(error.__traceback__)) < 8

    run(main)


def test_after_an_error_the_next_caller_makes_a_call() -> None:
    async def main() -> None:
        flights = Flights()
        await failures(flights, NotFound("nothing"), 2)
        origin = Origin()
        origin.go.set()
        assert await flights.run("key", origin) == "answer"

    run(main)


def test_waiters_are_bounded() -> None:
    async def main() -> None:
        flights, origin = Flights(most_waiting=3), Origin()
        tasks = [asyncio.create_task(flights.run("key", origin)) for _ in range(4)]
        await turns()
        with pytest.raises(ServiceUnavailable) as refused:
            await flights.run("key", origin)
        assert refused.value.code == "cache-crowded"
        assert refused.value.headers == {"Retry-After": "1"}
        assert flights.statistics()["crowded"] == 1
        free = Origin()
        free.go.set()
        assert await flights.run("another key", free) == "answer"  # waits for nobody
        tasks.pop().cancel()
        await turns()
        tasks.append(asyncio.create_task(flights.run("key", origin)))  # there is room again
        await turns()
        origin.go.set()
        assert await asyncio.gather(*tasks) == ["answer"] * 4

    run(main)


def test_a_call_cancelled_from_elsewhere_is_an_answer_not_a_cancellation() -> None:
    async def main() -> None:
        async def make() -> str:
            raise asyncio.CancelledError

        with pytest.raises(ServiceUnavailable) as refused:
            await Flights().run("key", make)
        assert refused.value.code == "call-cancelled"

    run(main)
