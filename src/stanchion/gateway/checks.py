"""Asking upstreams whether they are well, before a request finds out."""

import asyncio
from collections.abc import Sequence
from random import random

from stanchion.gateway.backend import Backend
from stanchion.upstream.connection import discard
from stanchion.upstream.failures import UpstreamFailure
from stanchion.upstream.outgoing import Outgoing
from stanchion.upstream.pool import Pool


class Checks:
    """One task a worker, which asks all upstreams of a prefix at once. Over connections of their own, so that those of
    requests being all in use does not count as ill health."""

    def __init__(self, backends: Sequence[Backend], path: str, interval: float) -> None:
        self._path = path
        self._interval = interval
        self._checked = [(backend, Pool(backend.target, backend.pool.limits)) for backend in backends]
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Checks of {len(self._checked)} upstreams, {self._path} every {self._interval:g} s>"

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        for _, pool in self._checked:
            await pool.close()

    async def _run(self) -> None:
        while True:
            await asyncio.gather(*(self._check(backend, pool) for backend, pool in self._checked))
            await asyncio.sleep(self._interval * (0.9 + 0.2 * random()))  # so that workers do not ask in step

    async def _check(self, backend: Backend, pool: Pool) -> None:
        target = backend.target
        path = (target.base + self._path).encode()
        head = b"GET %b HTTP/1.1\r\nhost: %b\r\nuser-agent: stanchion-health\r\n\r\n" % (path, target.authority)
        try:
            async with asyncio.timeout(self._interval):
                response = await pool.send(Outgoing("GET", head))
        except (UpstreamFailure, TimeoutError):
            backend.checked(sound=False)
            return
        await discard(response)
        backend.checked(sound=response.status < 400)
