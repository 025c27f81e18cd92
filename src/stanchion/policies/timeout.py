"""A bound on how long a route may take."""

import asyncio
from typing import Annotated, ClassVar

from msgspec import Meta

from stanchion.errors import GatewayTimeout
from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.policies.base import Category, Policy
from stanchion.routing.route import Call, Route


class Timeout(Policy, frozen=True, kw_only=True):
    """Cancels the handler after `seconds` and answers 504. A streamed response is bounded until its head only."""

    category: ClassVar[Category] = Category.DEADLINE

    seconds: Annotated[float, Meta(gt=0)]
    """Seconds from the complete head to the handler's return. Choose a little over the slowest honest answer."""

    def wrap(self, call: Call, route: Route) -> Call:
        seconds = self.seconds

        async def bounded(request: Request) -> Response:
            timeout = asyncio.timeout(seconds)
            try:
                async with timeout:
                    return await call(request)
            except TimeoutError:
                if not timeout.expired():
                    raise  # the handler's own
                raise GatewayTimeout(f"no answer within {seconds:g} s") from None

        return bounded
