"""One thread that works through calls in order: what each gives or raises, and who leaves."""

import asyncio
import gc
import threading
import time
import weakref

import pytest

from stanchion.data.sqlite.lane import Lane


def test_calls_are_made_in_order_in_one_thread() -> None:
    async def work() -> None:
        lane = Lane("lane")
        made: list[int] = []
        threads = await asyncio.gather(
            *(lane.run(lambda number=number: made.append(number) or threading.get_ident()) for number in range(50))
        )
        assert made == list(range(50))
        assert set(threads) == {threads[0]} != {threading.get_ident()}
        lane.close()

    asyncio.run(work())


def test_what_a_call_raises_is_its_callers() -> None:
    async def work() -> None:
        lane = Lane("lane")
        with pytest.raises(ZeroDivisionError):
            await lane.run(lambda: 1 / 0)
        assert await lane.run(lambda: 1) == 1
        lane.close()

    asyncio.run(work())


def test_who_leaves_leaves_the_thread_to_others() -> None:
    async def work() -> None:
        lane = Lane("lane")
        go = threading.Event()
        left = lane.run(go.wait)
        next_one = lane.run(lambda: "next")
        await asyncio.sleep(0)
        left.cancel()
        go.set()
        assert await next_one == "next"
        lane.close()

    asyncio.run(work())


def test_nothing_of_a_call_is_kept_for_the_next() -> None:
    class Thing:
        pass

    async def work() -> None:
        lane = Lane("lane")
        thing = Thing()
        known = weakref.ref(thing)
        await lane.run(lambda thing=thing: thing)
        del thing
        end = time.monotonic() + 5
        while known() is not None and time.monotonic() < end:
            gc.collect()
            await asyncio.sleep(0.01)
        assert known() is None
        lane.close()

    asyncio.run(work())


def test_a_loop_that_has_closed_meanwhile_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    lane, go = Lane("lane"), threading.Event()
    failed: list[object] = []
    monkeypatch.setattr(threading, "excepthook", failed.append)

    async def leave() -> None:
        lane.run(go.wait)

    asyncio.run(leave())
    go.set()

    async def later() -> int:
        answer: int = await lane.run(lambda: 7)
        return answer

    assert asyncio.run(later()) == 7
    lane.close()
    assert failed == []
