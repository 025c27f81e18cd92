"""What is made anew behind stale answers: one call a key at a time, and none for a while after one that has failed."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from math import inf
from typing import Any

_PAUSE = 1.0
"""Seconds after a failure in which a key is left alone."""
Behind = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[object] | None"]
"""`Caches.behind`."""


class Refreshing:
    """The keys of one declaration or function."""

    def __init__(self, most: float = inf) -> None:
        """`most` at one time; what is stale beyond them stays so until there is room."""
        self._most = most
        self._keys: set[str] = set()

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: str) -> bool:
        """Whether it is being made, or has just failed."""
        return key in self._keys

    def begin(self, key: str, work: Callable[[], Awaitable[bool]], behind: Behind) -> None:
        """Make it, unless it is made already; `work` tells whether there is a successor."""
        if key in self._keys or len(self._keys) >= self._most:
            return
        self._keys.add(key)
        if behind(self._run(key, work)) is None:
            self._keys.discard(key)

    async def _run(self, key: str, work: Callable[[], Awaitable[bool]]) -> None:
        try:
            made = await work()
        except Exception:  # it is counted, and was raised to nobody: what is stale is served while it may be
            made = False
        except BaseException:
            self._keys.discard(key)
            raise
        if made:
            self._keys.discard(key)
        else:
            asyncio.get_running_loop().call_later(_PAUSE, self._keys.discard, key)
