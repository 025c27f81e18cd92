"""A route's own bound on the size of a request body."""

from typing import Annotated, ClassVar

from msgspec import Meta

from stanchion.policies.base import Category, Policy
from stanchion.routing.route import Call, InlineCall, Route


class BodyLimit(Policy, frozen=True, kw_only=True):
    """Replaces the setting `max_body` for a route: more for uploads, less for what is small by nature.

    The wire layer enforces it, on Content-Length before a byte of the body is read and again on what arrives.
    """

    category: ClassVar[Category] = Category.LIMIT

    bytes: Annotated[int, Meta(ge=0)]
    """Bytes; over it the answer is 413."""

    def wrap(self, call: Call, route: Route) -> Call:
        return call

    def wrap_inline(self, inline: InlineCall, route: Route) -> InlineCall:
        return inline

    @property
    def gates(self) -> bool:
        return True
