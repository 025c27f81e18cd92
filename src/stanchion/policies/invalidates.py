"""A route that changes what others have cached."""

from typing import ClassVar

from msgspec.structs import force_setattr

from stanchion.cache.tagging import filled
from stanchion.errors import RouteError
from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.policies.base import Category, Policy
from stanchion.policies.caches import after_success, caches_of, check_tags
from stanchion.policies.runtime import Runtime
from stanchion.routing.route import Call, InlineCall, Route


class Invalidates(Policy, frozen=True, kw_only=True):
    """After a success (2xx or 3xx), and before it is sent, makes what has one of `tags` invalid: in all workers at
    once, on other machines as soon as they hear of it. `invalidates=["airport:{iata}"]` for short.

    Raises:
        RouteError: they are no list of texts.
    """

    category: ClassVar[Category] = Category.CACHE  # outside of the deadline: what was changed is told
    stacks: ClassVar[bool] = True

    tags: tuple[str, ...]
    """With path parameters filled in."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.tags, list):
            force_setattr(self, "tags", tuple(self.tags))
        if not isinstance(self.tags, tuple) or not self.tags or not all(isinstance(tag, str) for tag in self.tags):
            raise RouteError(f"invalidates={self.tags!r}: expected a list of tags, such as ['airport:{{iata}}']")

    def install(self, call: Call, route: Route, runtime: Runtime) -> Call:
        """See `Policy`."""
        check_tags("invalidates", self.tags, route)
        caches, tags = caches_of(runtime), self.tags

        async def invalidate(request: Request, response: Response) -> None:
            await caches.invalidate(*filled(tags, request))

        return after_success(call, invalidate)

    def install_inline(self, inline: InlineCall, route: Route, runtime: Runtime) -> InlineCall | None:
        """See `Policy`: the fleet is told, which waits."""
        return None
