"""Calls of a loop tick as one: for any order, duplicates, failures and cancellations, each gets what it would alone."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from stanchion import deadline
from stanchion.data.gathering import Gathering, Keyed

MALFORMED = -1
"""A key that fails whatever statement it is in."""


class Down(Exception):
    """The failure of a server, not of a key."""


class Store:
    """Squares of even keys; counts how it is asked."""

    def __init__(self, *, down_at: int = -1) -> None:
        self.asked: list[Sequence[int]] = []
        self._down_at = down_at

    async def load(self, keys: Sequence[int]) -> dict[int, int]:
        self.asked.append(tuple(keys))
        number = len(self.asked)
        await asyncio.sleep(0)
        if number >= self._down_at > 0:
            raise Down
        if MALFORMED in keys:
            raise ValueError("malformed key")
        return {key: key * key for key in keys if key % 2 == 0}


class Step(Struct, frozen=True):
    """Ask for keys in one tick; then let so many ticks pass; cancel the calls at these places."""

    keys: tuple[int, ...]
    ticks: int
    cancelled: tuple[int, ...]


STEPS = st.lists(
    st.builds(
        Step,
        st.lists(st.integers(-1, 8), max_size=8).map(tuple),
        st.integers(0, 3),
        st.lists(st.integers(0, 30), max_size=3).map(tuple),
    ),
    max_size=8,
)


def alone(key: int) -> Any:
    return ValueError if key == MALFORMED else key * key if key % 2 == 0 else None


async def play(keyed: Keyed[int, int], steps: Sequence[Step]) -> list[tuple[int, Any, bool]]:
    """Each key, what came of it, and whether it was cancelled."""
    calls: list[tuple[int, asyncio.Task[Any]]] = []
    cancelled: set[int] = set()

    async def call(key: int) -> Any:
        return await keyed.get(key)

    for step in steps:
        calls += [(key, asyncio.ensure_future(call(key))) for key in step.keys]
        for _ in range(step.ticks):
            await asyncio.sleep(0)
        for place in step.cancelled:
            if place < len(calls) and not calls[place][1].done():
                calls[place][1].cancel()
                cancelled.add(place)
    outcomes = await asyncio.gather(*(task for _, task in calls), return_exceptions=True)
    return [
        (key, outcome, place in cancelled)
        for place, ((key, _), outcome) in enumerate(zip(calls, outcomes, strict=True))
    ]


@given(STEPS, st.integers(1, 5), st.integers(1, 3))
@settings(max_examples=300, deadline=None)
def test_each_gets_what_it_would_get_alone(steps: list[Step], largest: int, in_flight: int) -> None:
    store = Store()
    keyed = Keyed(store.load, largest=largest, in_flight=in_flight)
    for key, outcome, cancelled in asyncio.run(play(keyed, steps)):
        if cancelled:
            assert isinstance(outcome, asyncio.CancelledError)
        elif alone(key) is ValueError:
            assert isinstance(outcome, ValueError)
        else:
            assert outcome == alone(key)
    assert all(len(keys) == len(set(keys)) <= largest for keys in store.asked)
    assert keyed.statistics()["waiting"] == 0


@given(STEPS, st.integers(1, 6))
@settings(max_examples=200, deadline=None)
def test_a_failing_server_is_not_asked_again_for_each_key(steps: list[Step], down_at: int) -> None:
    store = Store(down_at=down_at)
    keyed = Keyed(store.load, fatal=lambda error: isinstance(error, Down))
    outcomes = asyncio.run(play(keyed, steps))
    assert len(store.asked[down_at - 1 :]) <= keyed.statistics()["batches"]
    assert all(
        outcome == alone(key) or isinstance(outcome, Down | ValueError)
        for key, outcome, cancelled in outcomes
        if not cancelled
    )


def test_more_load_makes_larger_batches_not_more_of_them() -> None:
    store = Store()

    async def work() -> None:
        keyed = Keyed(store.load, in_flight=1)
        first = keyed.get(0)
        await asyncio.sleep(0)
        rest = [keyed.get(key) for key in range(1, 100)]
        assert await first == 0
        await asyncio.gather(*rest)

    asyncio.run(work())
    assert [len(keys) for keys in store.asked] == [1, 99]


class Held:
    """Answers nothing until it is told to; how many keys each batch has."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.answer = asyncio.Event()

    async def load(self, keys: Sequence[int]) -> dict[int, int]:
        self.asked.append(len(keys))
        await self.answer.wait()
        return {}


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_beside_a_batch_goes_one_of_as_many_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stanchion.data.gathering._QUICK", 60.0)  # however slow the machine is

    async def work() -> None:
        held = Held()
        keyed = Keyed(held.load, in_flight=2)
        calls = [keyed.get(key) for key in range(10)]
        await turns()
        calls += [keyed.get(key) for key in range(10, 19)]
        await turns()
        assert held.asked == [10]
        calls.append(keyed.get(19))
        await turns()
        assert held.asked == [10, 10]
        held.answer.set()
        await asyncio.gather(*calls)

    asyncio.run(work())


def test_beside_a_slow_batch_goes_whatever_waits() -> None:
    async def work() -> None:
        held = Held()
        keyed = Keyed(held.load, in_flight=2)
        calls = [keyed.get(key) for key in range(10)]
        await turns()
        calls.append(keyed.get(10))
        end = time.monotonic() + 5
        while len(held.asked) < 2 and time.monotonic() < end:
            await asyncio.sleep(0.001)
        calls.append(keyed.get(11))
        await asyncio.sleep(0.01)
        assert held.asked == [10, 1]  # as many as may be under way
        held.answer.set()
        await asyncio.gather(*calls)
        assert held.asked == [10, 1, 1]

    asyncio.run(work())


def test_a_batch_has_the_latest_deadline_of_its_callers() -> None:
    seen: list[float | None] = []

    async def load(keys: Sequence[int]) -> dict[int, int]:
        seen.append(deadline.until())
        return {}

    async def within(keyed: Keyed[int, int], key: int, until: float | None) -> None:
        if until is not None:
            deadline.shorten(until)
        await keyed.get(key)

    async def work() -> None:
        now = asyncio.get_running_loop().time()
        keyed = Keyed(load)
        for deadlines in ([now + 5, now + 9], [now + 5, None]):
            await asyncio.gather(*(within(keyed, key, until) for key, until in enumerate(deadlines)))
        assert seen == [now + 9, None]

    asyncio.run(work())


def test_a_batch_nobody_waits_for_is_cancelled() -> None:
    ended: list[str] = []

    async def work(questions: Sequence[int]) -> Sequence[int]:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        return questions

    async def main() -> None:
        gathering: Gathering[int, int] = Gathering(work)
        calls = [gathering.call(number) for number in range(3)]
        await asyncio.sleep(0.01)
        for call in calls[:2]:
            call.cancel()
        await asyncio.sleep(0.15)
        assert ended == []
        calls[2].cancel()
        end = time.monotonic() + 5
        while not ended and time.monotonic() < end:
            await asyncio.sleep(0.01)
        assert ended == ["cancelled"]

    asyncio.run(main())


def test_a_key_that_cannot_be_hashed_fails_by_itself() -> None:
    async def work() -> None:
        keyed: Keyed[Any, int] = Keyed(Store().load)
        good = keyed.get(4)
        with pytest.raises(TypeError, match="unhashable"):
            keyed.get([1])
        assert await good == 16

    asyncio.run(work())


def test_a_malformed_key_is_found_by_halves() -> None:
    store = Store()

    async def work() -> None:
        keyed = Keyed(store.load)
        calls = [keyed.get(key) for key in (*range(100), MALFORMED, *range(101, 256))]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(outcomes.pop(100), ValueError)
        assert outcomes == [alone(key) for key in (*range(100), *range(101, 256))]

    asyncio.run(work())
    assert len(store.asked) == 1 + 2 * 8


def test_what_is_found_may_be_an_error_and_is_its_keys_alone() -> None:
    async def load(keys: Sequence[int]) -> dict[int, Any]:
        return {key: LookupError(f"no {key}") if key == 1 else key for key in keys}

    async def work() -> None:
        keyed: Keyed[int, int] = Keyed(load)
        good, bad, again = (keyed.get(key) for key in (0, 1, 1))
        assert await good == 0
        for each in (bad, again):
            with pytest.raises(LookupError, match="no 1"):
                await each

    asyncio.run(work())


def test_those_who_ask_for_one_key_need_not_share_what_is_found() -> None:
    async def load(keys: Sequence[int]) -> dict[int, list[int]]:
        return {key: [key] for key in keys if key}

    async def work() -> None:
        keyed: Keyed[int, list[int]] = Keyed(load, copied=list)
        one, again, other, none, nothing = await asyncio.gather(*(keyed.get(key) for key in (1, 1, 2, 0, 0)))
        assert (one, again, other, none, nothing) == ([1], [1], [2], None, None)
        assert one is not again

    asyncio.run(work())
