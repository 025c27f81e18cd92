"""What `stanchion cache` asks of a server: its workers' answers, put together; routes of the control socket."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct, convert
from msgspec.structs import replace

from stanchion.cache.keys import is_ours
from stanchion.cache.options import MEMORY
from stanchion.cache.orders import Count, Counted, Found, Held, Look, Purge, Purged, RouteCounts, place
from stanchion.cluster.asking import ask_all, ask_one
from stanchion.cluster.channel import Question
from stanchion.cluster.fleet import Fleet
from stanchion.cluster.status import Status
from stanchion.errors import BadRequest, ConfigurationError, ServiceUnavailable
from stanchion.router import Router

T = TypeVar("T")
_HELD = ("entries", "bytes", "max_bytes")
_UNANSWERED = "no worker answers; `stanchion ps` shows what they do"


class CacheStatus(Struct, frozen=True, kw_only=True):
    """All there is to say of a server's caches."""

    workers: int
    """That have answered."""
    silent: Sequence[int]
    """Slots of those that have not."""
    caches: Mapping[str, Mapping[str, int]]
    """Counts by name, over all workers there have been."""
    tiers: Mapping[str, Mapping[str, int]]
    """The same of the tiers, and what they hold now, where they know."""
    routes: Sequence[RouteCounts]
    """Counts of the workers that serve now."""


class Entries(Struct, frozen=True, kw_only=True):
    """What is kept of a URL."""

    url: str
    route: str | None
    why: str
    """Why there can be nothing."""
    tags: Sequence[str] | None
    """As declared; None where a function makes them."""
    entries: Sequence[Held]
    """Nearest first; what workers share once."""


class PurgeOutcome(Struct, frozen=True, kw_only=True):
    """What is invalid from now on, in how many workers."""

    purged: Purged
    workers: int


def cache_routes(fleet: Fleet, status: Callable[[], Status]) -> Router:
    """The routes below /cache."""
    router = Router("/cache")

    @router.get("")
    async def stats() -> CacheStatus:
        said = await _answers(ask_all(fleet, Question(Count())))
        answers = {slot: convert(counted, Counted) for slot, counted in said.items()}
        shown = status()
        return CacheStatus(
            workers=len(answers),
            silent=[process.slot for process in fleet.serving if process.slot not in answers],
            caches=shown.caches,
            tiers=_tiers(shown.cache_tiers, list(answers.values())),
            routes=_routes(answers.values()),
        )

    @router.post("/look")
    async def look(order: Look) -> Entries:
        url = _checked(order.url)
        answers = await _answers(ask_all(fleet, Question(order)))
        if not answers:
            raise ServiceUnavailable(_UNANSWERED)
        return _put_together(url, {slot: convert(said, Found) for slot, said in sorted(answers.items())})

    @router.post("/purge")
    async def purge(order: Purge) -> PurgeOutcome:
        for url in order.urls:
            _checked(url)
        if ours := [tag for tag in order.tags if is_ours(tag) or not tag]:
            raise BadRequest(f"{ours[0]!r} is no tag of an app's; for a URL give --url, for everything --all")
        said = await _answers(ask_one(fleet, Question(order)))
        if said is None:
            raise ServiceUnavailable(_UNANSWERED)
        return PurgeOutcome(purged=convert(said, Purged), workers=len(fleet.serving))

    return router


async def _answers(asked: Awaitable[T]) -> T:
    """What workers say; what they cannot do is the asker's mistake."""
    try:
        return await asked
    except ConfigurationError as error:
        raise BadRequest(str(error)) from None


def _checked(url: str) -> str:
    try:
        return place(url).url
    except ConfigurationError as error:
        raise BadRequest(str(error)) from None


def _routes(answers: Iterable[Counted]) -> list[RouteCounts]:
    """Those of all workers, added up."""
    sums: dict[tuple[str, str], RouteCounts] = {}
    for one in (route for answer in answers for route in answer.routes):
        before = sums.get((one.method, one.route))
        counts = one.counts if before is None else {name: n + before.counts[name] for name, n in one.counts.items()}
        sums[one.method, one.route] = replace(one, counts=counts)
    return list(sums.values())


def _tiers(counted: Mapping[str, Mapping[str, int]], answers: Sequence[Counted]) -> dict[str, dict[str, int]]:
    """Counts, and what is held: a memory's by each worker, anything else by all of them together."""
    tiers = {name: dict(counts) for name, counts in counted.items()}
    for name, counts in tiers.items():
        told = [answer.tiers[name] for answer in answers if name in answer.tiers]
        for held in _HELD:
            amounts = [one[held] for one in told if held in one]
            if amounts:
                counts[held] = sum(amounts) if name == MEMORY else max(amounts)
    return tiers


def _put_together(url: str, found: Mapping[int, Found]) -> Entries:
    """Each worker's memory, then what they share, as the first of them has it."""
    near = [replace(one, worker=slot) for slot, said in found.items() for one in said.entries if one.tier == MEMORY]
    shared = {one.tier: one for said in reversed(list(found.values())) for one in said.entries if one.tier != MEMORY}
    any_of_them = next(iter(found.values()))
    return Entries(
        url=url,
        route=any_of_them.route,
        why=any_of_them.why,
        tags=any_of_them.tags,
        entries=[*near, *shared.values()],
    )
