"""A worker of the tests of tags: `python -m tests.cache.tags.worker BOARD URL`.

It tells "ready" once it follows the fleet, then invalidates each tag it reads, and tells its counts as JSON.
"""

import asyncio
import json
import sys

from stanchion.board import Board
from stanchion.cache.tags import RedisTags, Tags


async def main(descriptor: int, url: str) -> None:
    board = Board.attach(descriptor)
    fleet = RedisTags(url, board.generations)
    tags = Tags(board, fleet)
    await fleet.open()
    print("ready" if fleet.following else "cut off", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        await tags.invalidate(line.strip())
        print(json.dumps(tags.statistics()), flush=True)
    await fleet.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
