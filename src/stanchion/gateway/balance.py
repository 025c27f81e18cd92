"""Which upstream gets a request: the better of two, among those that may be asked."""

from collections.abc import Callable, Collection, Sequence
from random import random

from stanchion.gateway.backend import Backend, in_service
from stanchion.limits.two_choices import better_of_two


def choose(
    backends: Sequence[Backend],
    now: float,
    tried: Collection[Backend] = (),
    chance: Callable[[], float] = random,
) -> Backend | None:
    """The upstream to ask, not one of `tried` if there is another; None where no breaker lets a request out."""
    if len(backends) == 1:
        return backends[0] if backends[0].allows(now) else None
    candidates = in_service(backends, now)
    if tried:
        candidates = [backend for backend in candidates if backend not in tried] or candidates
    candidates = list(candidates)
    while candidates:
        chosen = better_of_two(candidates, lambda backend: backend.score(now), chance)
        if chosen.allows(now):
            return chosen
        candidates.remove(chosen)
    return None
