"""A process of the tests of leases: many callers of one key at once, with single-flight before the lease.

`python -m tests.cache.leases.asking WHERE FOLDER CALLERS SECONDS`: WHERE is a Redis URL or a board's descriptor. The
folder stands for the place that all share; a call of the origin appends a line to `calls` in it and takes SECONDS. It
tells "ready" and waits for a line, and then tells what its callers got, as JSON. With no callers it takes the lease,
tells "taken", and keeps it until it is killed.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from stanchion.board import Board
from stanchion.cache.flights import Flights
from stanchion.cache.leases import BoardLeases, Leases, RedisLeases, once
from stanchion.cache.redis_calls import RedisCalls

KEY = b"the key"


@asynccontextmanager
async def leases_at(where: str) -> AsyncIterator[Leases]:
    if where.isdigit():
        leases: Leases = BoardLeases(Board.attach(int(where)))
        yield leases
        await leases.close()
        return
    calls = RedisCalls(where, timeout=5)
    leases = RedisLeases(calls)
    yield leases
    await leases.close()
    await calls.close()


async def ask(leases: Leases, folder: Path, callers: int, seconds: float) -> dict[str, object]:
    flights = Flights()
    place, calls = folder / "kept", folder / "calls"

    async def look() -> str | None:
        return place.read_text() if place.exists() else None

    async def make() -> tuple[str, bool]:
        with calls.open("a") as file:
            file.write(f"{os.getpid()}\n")
        await asyncio.sleep(seconds)
        new = folder / f"{os.getpid()}.new"
        new.write_text("answer")
        new.rename(place)
        return "answer", True

    began = time.monotonic()
    asking = (flights.run(KEY, lambda: once(leases, KEY, look, make)) for _ in range(callers))
    answers = await asyncio.gather(*asking)
    return {"answers": sorted(set(answers)), "count": len(answers), "seconds": time.monotonic() - began}


async def main(where: str, folder: str, callers: int, seconds: float) -> None:
    async with leases_at(where) as leases:
        if not callers:
            assert await leases.take(KEY) is not None
            print("taken", flush=True)
            await asyncio.sleep(60)
        print("ready", flush=True)
        sys.stdin.readline()
        print(json.dumps(await ask(leases, Path(folder), callers, seconds)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
