"""Which upstream gets a request: the better of two chosen at random (Mitzenmacher 2001).

The best of all would send every worker's next request to the same one; of two, the herd splits, and the slow are still
avoided.
"""

from collections.abc import Callable, Collection, Sequence
from random import random

from stanchion.gateway.backend import Backend, in_service


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
        chosen = _better(candidates, now, chance)
        if chosen.allows(now):
            return chosen
        candidates.remove(chosen)
    return None


def _better(candidates: Sequence[Backend], now: float, chance: Callable[[], float]) -> Backend:
    count = len(candidates)
    if count == 1:
        return candidates[0]
    first = int(chance() * count)
    second = int(chance() * (count - 1))
    second += second >= first
    one, other = candidates[first], candidates[second]
    return one if one.score(now) <= other.score(now) else other
