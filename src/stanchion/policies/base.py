"""What a policy is, in which order policies run, and how inner declarations override outer ones."""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any, ClassVar

from msgspec import Struct

from stanchion.errors import RouteError
from stanchion.policies.runtime import Runtime
from stanchion.ranges import check_ranges
from stanchion.routing.outcome import Outcome
from stanchion.routing.route import Call, Gate, InlineCall, Route


class Category(IntEnum):
    """The way of one request, outermost first. Two policies of one category keep their order of declaration."""

    OBSERVE = 10
    LIMIT = 20
    AUTHENTICATE = 30
    ENCODE = 35
    CACHE = 40
    ADMIT = 50
    DEADLINE = 60
    COALESCE = 70
    HOOK = 80


class Policy(Struct, frozen=True, kw_only=True):
    """The base of policies. An inner declaration of the same class replaces the outer, unless the class `stacks`."""

    category: ClassVar[Category]
    stacks: ClassVar[bool] = False
    refuses: ClassVar[bool] = False
    """It turns requests away, which is to happen before their bodies are read."""
    passes_hits: ClassVar[bool] = False
    """Its gate gives the hits of a cache within back as they are."""

    def __post_init__(self) -> None:
        check_ranges(self, f"{type(self).__name__}({{name}}={{value!r}})", RouteError)

    def wrap(self, call: Call, route: Route) -> Call:
        """The route's call with this policy around it; made once, at start."""
        raise NotImplementedError

    def wrap_inline(self, inline: InlineCall, route: Route) -> InlineCall | None:
        """The same for a handler that never waits; None where the policy itself has to: the route then gets tasks."""
        return None

    def install(self, call: Call, route: Route, runtime: Runtime) -> Call:
        """As `wrap`, for a policy that needs what the worker has."""
        return self.wrap(call, route)

    def install_inline(self, inline: InlineCall, route: Route, runtime: Runtime) -> InlineCall | None:
        """As `wrap_inline`, for a policy that needs what the worker has."""
        return self.wrap_inline(inline, route)

    def outcomes(self, route: Route) -> Sequence[Outcome]:
        """What it may answer on this route in a handler's stead, and the fields it adds: for OpenAPI."""
        return ()

    @property
    def gates(self) -> bool:
        """Whether `install_gate` does all of the policy's work that is not `Later`."""
        return False

    def install_gate(self, gate: Gate, route: Route, runtime: Runtime) -> Gate:
        """The gate with this policy around it; `http.hit.when_made` marks a response that may be yet to be made."""
        return gate


class Off(Struct, frozen=True):
    """Takes an inherited policy away from a route: `policies=[Off(Timeout)]`."""

    policy: type[Policy]


def merge(*levels: Iterable[Any]) -> tuple[Policy, ...]:
    """The effective policies of a route, outermost first; `levels` go from the app inwards.

    Raises:
        RouteError: something in a list is not a policy.
    """
    effective: list[Policy] = []
    for level in levels:
        declared = list(level)
        for item in declared:
            if not isinstance(item, Policy | Off):
                raise RouteError(f"{item!r} is not a policy; expected an instance such as Timeout(seconds=1)")
        replaced = {type(item) for item in declared if isinstance(item, Policy) and not item.stacks}
        replaced |= {item.policy for item in declared if isinstance(item, Off)}
        effective = [policy for policy in effective if type(policy) not in replaced]
        effective += [item for item in declared if isinstance(item, Policy)]
    return tuple(sorted(effective, key=lambda policy: policy.category))
