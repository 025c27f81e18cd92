"""Places whose number changes while some are taken and some are waited for."""

import asyncio

from stanchion.offload.places import Places


def test_more_places_let_in_who_waits_first_come_first_in() -> None:
    async def work() -> None:
        places = Places(1, 10)
        assert await places.enter()
        waiting = [asyncio.ensure_future(places.enter()) for _ in range(3)]
        await asyncio.sleep(0)
        places.resize(3)
        await asyncio.sleep(0)
        assert [each.done() for each in waiting] == [True, True, False]
        assert (places.taken, places.waiting) == (3, 1)
        waiting[2].cancel()
        await asyncio.wait(waiting)
        assert places.waiting == 0

    asyncio.run(work())


def test_fewer_places_are_not_given_on_before_enough_are_back() -> None:
    async def work() -> None:
        places = Places(3, 10)
        for _ in range(3):
            assert await places.enter()
        waiting = asyncio.ensure_future(places.enter())
        await asyncio.sleep(0)
        places.resize(1)
        for left in (2, 1):
            places.leave()
            await asyncio.sleep(0)
            assert (places.taken, waiting.done()) == (left, False)
        places.leave()
        await asyncio.sleep(0)
        assert (places.taken, waiting.done(), waiting.result()) == (1, True, True)

    asyncio.run(work())


def test_who_is_turned_away_waits_no_longer_and_takes_no_place() -> None:
    async def work() -> None:
        places = Places(1, 10)
        assert await places.enter()
        waiting = [asyncio.ensure_future(places.enter(patience)) for patience in (60.0, 60.0)]
        await asyncio.sleep(0)
        places.turn_away()
        assert await asyncio.gather(*waiting) == [False, False]
        assert (places.taken, places.waiting) == (1, 0)
        places.leave()
        assert await places.enter()

    asyncio.run(work())
