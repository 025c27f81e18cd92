"""The quantile against sorting, and who wins a race."""

import asyncio
from collections.abc import Awaitable, Callable
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.limits.hedge import Hedge, RecentQuantile

Attempt = tuple[float, int | Exception]


@given(st.lists(st.floats(0, 10), max_size=1200), st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_a_quantile_is_of_the_last_values(values: list[float], share: float) -> None:
    quantile = RecentQuantile(share)
    for value in values:
        quantile.add(value)
    looked_at = values[: len(values) // 32 * 32][-512:]
    if not looked_at:
        assert quantile.value == inf
        return
    below = sum(value < quantile.value for value in looked_at)
    assert quantile.value in looked_at
    assert below <= share * len(looked_at)
    assert sum(value <= quantile.value for value in looked_at) >= share * len(looked_at)


def attempts(ended: list[str], *each: Attempt) -> Callable[[], Awaitable[int]]:
    """What is called gives each result after its time, one attempt after another."""
    left = list(each)

    async def attempt() -> int:
        seconds, result = left.pop(0)
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        ended.append("done")
        if isinstance(result, Exception):
            raise result
        return result

    return attempt


@pytest.mark.parametrize(
    ("each", "result", "fates"),
    [
        ([(0.0, 1)], 1, ["done"]),
        ([(5.0, 1), (0.0, 2)], 2, ["done", "cancelled"]),
        ([(0.5, 1), (5.0, 2)], 1, ["done", "cancelled"]),
        ([(0.5, OSError()), (1.0, 2)], 2, ["done", "done"]),
        ([(0.5, 1), (0.0, OSError())], 1, ["done", "done"]),
        ([(5.0, 1), (0.0, KeyError("an answer"))], KeyError, ["done", "cancelled"]),
        ([(0.0, OSError("first"))], OSError, ["done"]),
        ([(0.5, OSError("first")), (0.0, ValueError())], OSError, ["done", "done"]),
    ],
)
def test_the_first_answer_wins_and_the_other_is_cancelled(
    each: list[Attempt], result: int | type[Exception], fates: list[str]
) -> None:
    async def main() -> None:
        ended: list[str] = []
        hedge = Hedge(0.01, (KeyError,))
        race = hedge.race(attempts(ended, *each), lambda: True)
        if isinstance(result, int):
            assert await race == result
        else:
            with pytest.raises(result):
                await race
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert ended == fates
        assert hedge.sent == len(each) - 1
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())


def test_there_is_no_second_attempt_that_may_not_be() -> None:
    async def main() -> None:
        hedge = Hedge(0.01)
        assert await hedge.race(attempts([], (0.05, 1)), lambda: False) == 1
        assert hedge.statistics() == {"hedges": 0, "hedges_won": 0, "hedge_after": 0.01}

    asyncio.run(main())


def test_who_is_cancelled_cancels_both() -> None:
    async def main() -> None:
        ended: list[str] = []
        hedge = Hedge(0.01)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await hedge.race(attempts(ended, (5.0, 1), (5.0, 2)), lambda: True)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert ended == ["cancelled", "cancelled"]

    asyncio.run(main())
