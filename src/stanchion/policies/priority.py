"""Who goes first, and who is turned away first, when there is more to do than can be done in time."""

from typing import ClassVar, Literal

from stanchion.errors import RouteError
from stanchion.limits.admission_queue import PRIORITIES
from stanchion.policies.base import Category, Policy
from stanchion.routing.route import Call, InlineCall, Route

Level = Literal["critical", "normal", "background"]


class Priority(Policy, frozen=True, kw_only=True):
    """The class a route's requests wait in when they cannot start at once; the wire layer's admission enforces it.

    A higher class is always served first, and a lower one turned away first. `critical` is for the little that has to
    go on whatever else does not: sign-in, payment. Where everything is critical nothing is.
    """

    category: ClassVar[Category] = Category.ADMIT

    level: Level

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.level not in PRIORITIES:
            raise RouteError(f"priority={self.level!r}: expected one of {', '.join(PRIORITIES)}")

    @property
    def rank(self) -> int:
        """0 for critical, 2 for background."""
        return PRIORITIES.index(self.level)

    def wrap(self, call: Call, route: Route) -> Call:
        return call

    def wrap_inline(self, inline: InlineCall, route: Route) -> InlineCall:
        return inline

    @property
    def gates(self) -> bool:
        return True
