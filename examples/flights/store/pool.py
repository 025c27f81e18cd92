"""SQLite off the event loop: a few connections, each with a thread to use it."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Pool:
    """As many threads as connections, so that a thread which has work always finds a connection free."""

    def __init__(self, uri: str, size: int, setup: str = "") -> None:
        """Open `size` connections to `uri` (`file:…`, SQLite's own form) and run `setup` on each."""
        self._size = size
        self._idle: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        for _ in range(size):
            # check_same_thread: a connection moves between threads, but never has two at once
            connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
            connection.executescript(setup)
            self._idle.put(connection)
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="sqlite")

    def __repr__(self) -> str:
        return f"<Pool of {self._size} SQLite connections, {self._idle.qsize()} idle>"

    async def run(self, work: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`work(connection, …)` on a thread of the pool, once one is free."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: self._borrow(work, *args, **kwargs))

    def close(self) -> None:
        """Finish what has begun, drop what has not, close the connections."""
        self._threads.shutdown(cancel_futures=True)
        while not self._idle.empty():
            self._idle.get().close()

    def _borrow(self, work: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        connection = self._idle.get_nowait()
        try:
            return work(connection, *args, **kwargs)
        finally:
            self._idle.put(connection)
