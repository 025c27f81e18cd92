"""A proxied prefix at work in one worker: its upstreams, and what is done when one of them fails."""

import asyncio
from contextlib import suppress
from time import monotonic

from stanchion.errors import HTTPError
from stanchion.gateway.choice import Candidate, choose
from stanchion.gateway.forwarding import Forward, forwarder, probe
from stanchion.gateway.options import Upstreams
from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.limits.retry_budget import RetryBudget
from stanchion.upstream.connection import discard
from stanchion.upstream.failures import UpstreamFailure
from stanchion.upstream.outgoing import Outgoing
from stanchion.upstream.pool import Pool

_HEALTHY = 400


class Gateway:
    """`call` is the route's handler. Answers come back as the upstream made them, but for the connection's fields."""

    def __init__(self, upstreams: Upstreams, prefix: str) -> None:
        """`prefix` is the route's, without a slash at its end."""
        options = upstreams.options
        self.prefix = prefix
        self._upstreams = upstreams
        self._pools = [Pool(target, options.limits) for target in upstreams.targets]
        self._forwards: list[Forward] = [forwarder(target, options, prefix) for target in upstreams.targets]
        self._candidates = [Candidate(lambda pool=pool: pool.busy) for pool in self._pools]  # type: ignore[misc]
        self._budget = RetryBudget()
        self._retries = options.retries
        self._asking: list[asyncio.Task[None]] = []

    def __repr__(self) -> str:
        return f"<Gateway to {self._upstreams!r}>"

    def statistics(self) -> dict[str, dict[str, int]]:
        """Each upstream's pool, by its URL."""
        return {str(pool.target): pool.statistics() for pool in self._pools}

    async def call(self, request: Request) -> Response:
        """The upstream's answer.

        Raises:
            UpstreamFailure: there is none (502, 503, 504).
        """
        if request.method in ("TRACE", "OPTIONS") and request.fields.get(b"max-forwards", b"").strip() == b"0":
            return _final(request)
        self._budget.called(monotonic())
        tried: list[int] = []
        while True:
            place = choose(self._candidates, monotonic(), tried)
            outgoing = self._forwards[place](request)
            try:
                return await self._attempt(place, outgoing)
            except UpstreamFailure as failure:
                tried.append(place)
                if not self._may_repeat(failure, outgoing, len(tried)):
                    raise

    async def _attempt(self, place: int, outgoing: Outgoing) -> Response:
        began = monotonic()
        candidate = self._candidates[place]
        try:
            response = await self._pools[place].send(outgoing)
        except UpstreamFailure:
            candidate.failed(monotonic())
            raise
        candidate.answered(monotonic() - began)
        return response

    def _may_repeat(self, failure: UpstreamFailure, outgoing: Outgoing, attempts: int) -> bool:
        """A body that streams has been begun, and is gone; anything else may go again if it cannot have had an effect,
        or may have it twice."""
        if attempts > self._retries or outgoing.stream is not None:
            return False
        return (failure.untouched or outgoing.repeatable) and self._budget.take(monotonic())

    # Health

    async def open(self) -> None:
        """Ask about the upstreams' health from now on, where that is declared."""
        options = self._upstreams.options
        if options.health is not None:
            self._asking = [
                asyncio.create_task(self._ask(place, options.health, options.health_interval))
                for place in range(len(self._pools))
            ]

    async def close(self) -> None:
        """Close the connections."""
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)
        await asyncio.gather(*(pool.close() for pool in self._pools))

    async def _ask(self, place: int, path: str, interval: float) -> None:
        pool, candidate = self._pools[place], self._candidates[place]
        question = probe(pool.target, path)
        while True:
            well = False
            with suppress(HTTPError, TimeoutError):
                async with asyncio.timeout(interval):
                    response = await pool.send(question)
                    well = response.status < _HEALTHY
                    await discard(response)
            candidate.well = well
            await asyncio.sleep(interval)


def _final(request: Request) -> Response:
    """The answer to what is to go no further than here (RFC 9110 §7.6.2)."""
    if request.method == "TRACE":
        raise HTTPError("TRACE is not answered here", status=405, code="method-not-allowed", headers={"Allow": "GET"})
    return Response(b"", 204)
