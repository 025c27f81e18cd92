"""Responses in a content coding that the client takes."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from msgspec import Meta
from msgspec.structs import replace

from stanchion.errors import RouteError
from stanchion.http.coding import CODINGS, MIN_SIZE
from stanchion.http.codings.encoders import AVAILABLE
from stanchion.http.codings.responses import Coder
from stanchion.http.codings.streams import CodedBody
from stanchion.http.hit import Later
from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.policies.base import Category, Policy
from stanchion.policies.runtime import Runtime
from stanchion.routing.route import Call, Gate, InlineCall, Route


class Compress(Policy, frozen=True, kw_only=True):
    """Sends text, JSON and the like in zstd, br or gzip, by the client's Accept-Encoding; `compress=True` for short.

    Off where it is not declared: it costs 15 to 30 µs for 10 KiB, and a response that holds both a secret and what
    somebody else put into the request tells the secret by its size (BREACH). Streams are compressed as they are made,
    large bodies in a thread. What a cache within has stored is sent as it was stored.

    Raises:
        RouteError: an option is out of range.
    """

    category: ClassVar[Category] = Category.ENCODE
    passes_hits: ClassVar[bool] = True

    min_size: Annotated[int, Meta(ge=0)] = MIN_SIZE
    """Bytes from which a body is compressed."""
    types: tuple[str, ...] = ()
    """Media types to compress besides those that are known to become smaller, such as `application/vnd.sqlite3`.
    `text/event-stream` costs 200 to 400 KiB of memory for each stream while it is open."""
    level: Mapping[str, int] = {}
    """Levels other than the default, by coding: `{"gzip": 6, "zstd": 3}`. gzip 1 to 9, br 0 to 11, zstd 1 to 19."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.types, str) or any("/" not in kind or ";" in kind for kind in self.types):
            raise RouteError(f"Compress(types={self.types!r}): expected media types such as ('application/x-tar',)")
        for coding, level in self.level.items():
            known = AVAILABLE.get(coding)
            if known is None:
                raise RouteError(f"Compress(level={self.level!r}): {coding!r} is not among {', '.join(CODINGS)}")
            if not known.lowest <= level <= known.highest:
                raise RouteError(
                    f"Compress(level={self.level!r}): {coding} has levels from {known.lowest} to {known.highest}"
                )

    def wrap(self, call: Call, route: Route) -> Call:
        coder = self._coder()

        async def coded(request: Request) -> Response:
            known = coder.ask(request)
            return await _whole(coder.answer(request, await call(request), known))

        return coded

    def wrap_inline(self, inline: InlineCall, route: Route) -> InlineCall:
        coder = self._coder()

        def coded(request: Request) -> Response:
            known = coder.ask(request)
            return coder.answer(request, inline(request), known)

        return coded

    @property
    def gates(self) -> bool:
        """See `Policy`."""
        return True

    def install_gate(self, gate: Gate, route: Route, runtime: Runtime) -> Gate:
        """See `Policy`."""
        coder = self._coder()

        def coded(request: Request) -> Response:
            known = coder.ask(request)
            response = gate(request)
            if type(response) is not Later:
                return coder.answer(request, response, known)
            rest = response.call

            async def later(request: Request) -> Response:
                return await _whole(coder.answer(request, await rest(request), known))

            return replace(response, call=later)

        return coded

    def _coder(self) -> Coder:
        return Coder(self.min_size, self.types, self.level)


async def _whole(response: Response) -> Response:
    """Compress a large body before it is sent: where that can be waited for, its length is told, and it counts as work
    with admission."""
    return await response.whole() if type(response) is CodedBody else response
