"""Writes to a tier on a server go behind the answer; who gives up a lease waits for them."""

import asyncio
from time import time

from stanchion.cache.entry import Stored
from stanchion.cache.layers import Away, Layers


class Slow:
    """A tier that takes what it is given when it is let."""

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.held: dict[bytes, bytes] = {}

    async def get(self, key: bytes) -> bytes | None:
        return self.held.get(key)

    async def put(self, key: bytes, value: bytes, seconds: float) -> None:
        await self.let.wait()
        self.held[key] = value


def test_it_is_settled_when_the_tier_has_what_was_put() -> None:
    async def play() -> None:
        tier = Slow()
        behind = asyncio.get_running_loop().create_task
        layers = Layers(None, None, [Away(tier, fleet=True)], valid=lambda generations: True, behind=behind)
        await asyncio.wait_for(layers.settled(), 1)  # nothing to wait for
        stored = Stored(status=200, fields=(), body=b"x", requested=time(), received=time(), lifetime=60.0)
        layers.put("key", {}, layers.kept(stored), tagged=False)
        settled = asyncio.ensure_future(layers.settled())
        await asyncio.sleep(0.01)
        assert not settled.done()
        tier.let.set()
        await asyncio.wait_for(settled, 1)
        found = await layers.fetch("key", {})
        assert found is not None
        assert found.stored.body == b"x"

    asyncio.run(play())


def test_it_is_settled_without_what_there_was_no_room_for() -> None:
    async def play() -> None:
        tier = Slow()

        def full(work: object) -> None:
            work.close()

        layers = Layers(None, None, [Away(tier, fleet=True)], valid=lambda generations: True, behind=full)
        stored = Stored(status=200, fields=(), body=b"x", requested=time(), received=time(), lifetime=60.0)
        layers.put("key", {}, layers.kept(stored), tagged=False)
        await asyncio.wait_for(layers.settled(), 1)
        assert tier.held == {}

    asyncio.run(play())
