"""Callers that leave: no connection is leaked, none goes on to somebody else with an answer under way."""

import asyncio
from random import Random

from stanchion.http.response import Response
from stanchion.upstream.connection import discard
from tests.upstream.raw import Talker, get, pool_of, run, until, upstream, whole


async def _talk(talker: Talker) -> None:
    """Echo the path in the body, slowly, and in one of three ways."""
    while True:
        path = (await talker.head()).split(b" ")[1]
        number = int(path[1:])
        await asyncio.sleep(number % 7 / 1000)
        if number % 3 == 0:
            await talker.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path), path))
        elif number % 3 == 1:
            await talker.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(path), path, pause=0.001)
        else:
            await talker.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            await talker.say(b"%x\r\n%b\r\n" % (len(path), path), b"0\r\n\r\n", pause=0.001)


def test_a_thousand_cancelled_requests_leave_no_connection_in_doubt() -> None:
    random = Random(7)

    async def work() -> None:
        async with upstream(_talk) as seen, pool_of(seen, connections=50) as pool:

            async def ask(number: int) -> bool:
                try:
                    async with asyncio.timeout(random.random() * 0.012):
                        response = await pool.send(get(f"/{number}"))
                except TimeoutError:
                    return False
                if number % 5 == 0:
                    await discard(response)
                    return True
                assert await whole(response) == b"/%d" % number
                return True

            outcomes = []
            for start in range(0, 3000, 100):
                outcomes += await asyncio.gather(*(ask(number) for number in range(start, start + 100)))
            assert outcomes.count(False) > 500
            assert outcomes.count(True) > 10
            await until(lambda: pool.busy == 0)
            numbers = pool.statistics()
            assert (numbers["open"], numbers["waiting"]) == (numbers["idle"], 0)
            assert await whole(await pool.send(get("/3"))) == b"/3"

    run(work)


def test_one_who_leaves_the_queue_passes_its_place_on() -> None:
    async def work() -> None:
        async with upstream(_talk) as seen, pool_of(seen, connections=1) as pool:
            tasks = [asyncio.ensure_future(pool.send(get("/3"))) for _ in range(20)]
            await asyncio.sleep(0.002)
            for task in tasks[1:15]:
                task.cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
            assert [outcome.body for outcome in done if isinstance(outcome, Response)] == [b"/3"] * 6
            assert (seen.connections, pool.busy) == (1, 0)

    run(work)
