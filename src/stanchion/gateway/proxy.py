"""A prefix whose requests upstreams answer: chosen, asked, asked again where that is safe.

Whatever has gone wrong is known before anything was sent to the client: an answer that has begun is passed on, and ends
as the upstream ends it.
"""

from collections.abc import Sequence
from contextlib import suppress
from time import monotonic

from stanchion.errors import ServiceUnavailable
from stanchion.gateway.backend import Backend
from stanchion.gateway.balance import choose
from stanchion.gateway.checks import Checks
from stanchion.gateway.hops import check_loop, hops_left, last_hop
from stanchion.gateway.options import ProxyOptions
from stanchion.gateway.passing import Passing
from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.limits.retry_budget import RetryBudget
from stanchion.telemetry.tallies import DependencyCell
from stanchion.upstream.failures import UpstreamFailure
from stanchion.upstream.outgoing import Outgoing
from stanchion.upstream.spans import sending
from stanchion.upstream.target import Target, parse_target


class Proxied:
    """A prefix as declared, before it is known whole: the handler of its route."""

    def __init__(self, upstreams: Sequence[str], options: ProxyOptions) -> None:
        self.targets: tuple[Target, ...] = tuple(parse_target(url) for url in upstreams)
        self.options = options
        self.__name__ = ", ".join(map(str, self.targets))
        self.__qualname__ = f"proxy({self.__name__})"

    def __repr__(self) -> str:
        return f"<Proxied {self.__name__}>"

    async def __call__(self, request: Request) -> Response:
        """Answer one request, with connections of its own; a compiled app has a `Proxy`."""
        proxy = Proxy(self, "")
        try:
            return await proxy.call(request)
        finally:
            await proxy.close()


class Proxy:
    """One proxied prefix in one worker."""

    def __init__(self, proxied: Proxied, prefix: str) -> None:
        """`prefix` is empty or `/v1`."""
        options = proxied.options
        self.prefix = prefix
        self.backends = [Backend(target, options.limits) for target in proxied.targets]
        self.budget = RetryBudget(share=options.budget)
        self._retries = options.retries
        self._passing = Passing(prefix, host=options.host, strip_prefix=options.strip_prefix)
        self._checks = Checks(self.backends, options.health, options.health_interval) if options.health else None

    def __repr__(self) -> str:
        return f"<Proxy {self.prefix or '/'}: {', '.join(map(repr, self.backends))}>"

    def statistics(self) -> dict[str, dict[str, float]]:
        """Of each upstream."""
        return {str(backend.target): backend.statistics() for backend in self.backends}

    async def call(self, request: Request) -> Response:
        """The upstream's answer.

        Raises:
            UpstreamFailure: there was none (codes `upstream-…`).
            ServiceUnavailable: the breakers let no request out (code `upstream-unavailable`).
            HTTPError: the request goes in circles (508), or its body cannot be read.
        """
        fields = request.fields
        hops = None
        if b"via" in fields:
            check_loop(request)
        if b"max-forwards" in fields:
            hops = hops_left(request)
            if hops is not None and hops < 0:
                return last_hop(request)
        began = monotonic()
        self.budget.called(began)
        backend = self._choose(began, ())
        outgoing = self._passing.outgoing(request, backend.target, hops)
        try:
            return await self._ask(backend, outgoing, began)
        except UpstreamFailure as failure:
            return await self._again(request, hops, failure, backend)

    async def _ask(self, backend: Backend, outgoing: Outgoing, began: float) -> Response:
        backend.counts[DependencyCell.CALLED] += 1
        try:
            response = await sending(backend.pool.send, outgoing, backend.target)
        except UpstreamFailure as failure:
            if failure.status != 503:  # else it is us who are busy
                backend.failed(monotonic())
            raise
        backend.answered(began, monotonic())
        return response

    async def _again(self, request: Request, hops: int | None, failure: UpstreamFailure, first: Backend) -> Response:
        """Ask others, as far as that is safe and there is a budget for it."""
        tried = [first]
        for _ in range(self._retries):
            now = monotonic()
            if not _may_repeat(request, failure):
                break
            if not self.budget.take(now):
                first.counts[DependencyCell.RETRY_DENIED] += 1
                break
            backend = self._choose(now, tried)
            outgoing = self._passing.outgoing(request, backend.target, hops)
            backend.counts[DependencyCell.RETRIED] += 1
            tried.append(backend)
            try:
                return await self._ask(backend, outgoing, now)
            except UpstreamFailure as another:
                failure = another
        raise failure

    def _choose(self, now: float, tried: Sequence[Backend]) -> Backend:
        backend = choose(self.backends, now, tried)
        if backend is None:
            for refusing in self.backends:
                refusing.counts[DependencyCell.REFUSED] += 1
            raise ServiceUnavailable(
                "the upstream does not answer", code="upstream-unavailable", headers={"Retry-After": "1"}
            )
        return backend

    async def start(self) -> None:
        """Begin the checks, if there are any."""
        if self._checks is not None:
            self._checks.start()

    async def close(self) -> None:
        """End the checks, and close the connections."""
        if self._checks is not None:
            await self._checks.stop()
        for backend in self.backends:
            with suppress(OSError):
                await backend.pool.close()


def _may_repeat(request: Request, failure: UpstreamFailure) -> bool:
    """Whether an upstream cannot have seen the request, or may see it twice; what is sent as it arrives is gone."""
    stream = request.stream
    if stream is not None and not stream.complete:
        return failure.untouched and stream.received == 0
    return failure.untouched or Outgoing(request.method, b"").repeatable
