"""What all caches of a worker share: the tiers, the calls under way, the tags; opened and closed with the app."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextvars import ContextVar
from typing import Any

from stanchion.board import Board
from stanchion.cache.entry import Field
from stanchion.cache.flights import Flights
from stanchion.cache.keys import EVERYTHING, is_ours
from stanchion.cache.layers import Away, Layers
from stanchion.cache.leases import BoardLeases, Leases, RedisLeases
from stanchion.cache.options import MACHINE, MEMORY, STORE, Scope
from stanchion.cache.purging import CDN, Purger, fields_for_any
from stanchion.cache.redis_calls import RedisCalls
from stanchion.cache.tags import RedisTags, Tags
from stanchion.cache.tiering import Tally, Tiers
from stanchion.errors import ConfigurationError
from stanchion.settings import Settings
from stanchion.tasks import Tasks
from stanchion.telemetry.decisions import Decisions
from stanchion.telemetry.tallies import CACHE, CacheCell

current: ContextVar[Callable[[], "Caches"] | None] = ContextVar("stanchion-caches", default=None)
"""Gives those of the worker at hand: functions that are cached belong to no app, and find them here."""

_MOST_BEHIND = 1024
"""Writes to tiers that may be under way behind answers; beyond that an entry does not get into the tier."""
_REDIS = ("redis://", "rediss://", "valkey://", "valkeys://", "unix://")


class Counts:
    """What one declaration counts: into the cells of its name in the worker's row, which others may have as well, and
    for itself."""

    __slots__ = ("_base", "_cells", "_own")

    def __init__(self, cells: memoryview, base: int) -> None:
        self._cells = cells
        self._base = base
        self._own = [0] * len(CacheCell)

    def add(self, cell: CacheCell, count: int = 1) -> None:
        """Count."""
        self._cells[self._base + cell] += count
        self._own[cell] += count

    def statistics(self) -> dict[str, int]:
        """What all of the name have counted in this worker."""
        return {cell.name.lower(): self._cells[self._base + cell] for cell in CacheCell}

    def own(self) -> dict[str, int]:
        """What this declaration has, in this worker."""
        return {cell.name.lower(): self._own[cell] for cell in CacheCell}


class Caches:
    """One a worker. Each part is made when the first declaration needs it."""

    def __init__(self, settings: Settings, board: Board, tally: Tally) -> None:
        self.settings = settings
        self.generations = board.generations
        self.flights = Flights()
        self.tiers = Tiers(settings, tally)
        store = settings.cache_store
        self._store = store if store is not None and store.startswith(_REDIS) else None
        self._fleet = None if self._store is None else RedisTags(self._store, board.generations)
        self.tags = Tags(board, self._fleet)
        self._board = board
        self._tally = tally
        self._leases: dict[str, Leases] = {}
        self._calls: RedisCalls | None = None
        self._behind = Tasks()
        self._purger: Purger | None = None

    def __repr__(self) -> str:
        return f"<Caches: {self.tiers!r}, {len(self._behind)} writes behind>"

    def statistics(self) -> dict[str, dict[str, int]]:
        """By part: tiers, flights, tags, leases."""
        parts: dict[str, Any] = {**self.tiers.named(), "flights": self.flights, "tags": self.tags, **self._leases}
        return {name: part.statistics() for name, part in parts.items()}

    async def open(self) -> None:
        """Open the machine's tier, and begin to follow the fleet."""
        self.tiers.open()
        if self._fleet is not None:
            await self._fleet.open()

    async def close(self) -> None:
        """Let what is behind answers end, within a second, and close the rest."""
        if self._behind:
            _, late = await asyncio.wait(self._behind, timeout=1.0)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for leases in self._leases.values():
            await leases.close()
        if self._purger is not None:
            await self._purger.close()
        if self._calls is not None:
            await self._calls.close()
        if self._fleet is not None:
            await self._fleet.close()
        await self.tiers.close()

    def purge_to(self, cdns: Sequence[CDN]) -> None:
        """From now on tell these what becomes invalid."""
        self._purger = Purger(cdns)

    def surrogate_fields(self, tags: Iterable[str]) -> list[Field]:
        """What tells CDNs the tags of an answer: those of `purge_to`, else whichever there may be. Where they do not
        fit, what keeps it out of the CDN."""
        return fields_for_any(tags) if self._purger is None else self._purger.fields(tags)

    def behind(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[object] | None:
        """Have it done while the answer goes out; None, and it is not, where too much is behind already."""
        if len(self._behind) >= _MOST_BEHIND:
            work.close()
            return None
        return self._behind.begin(work)

    def layers(self, tiers: tuple[str, ...]) -> Layers:
        """The tiers of a declaration.

        Raises:
            ConfigurationError: the URL of one cannot be read.
        """
        memory = self.tiers.memory if MEMORY in tiers else None
        machine = self.tiers.machine() if MACHINE in tiers else None
        store = self.settings.cache_store
        urls = [store if tier == STORE else tier for tier in tiers if tier not in (MEMORY, MACHINE)]
        fleet = self._fleet is not None
        away = [Away(self.tiers.remote(url), fleet and url == store) for url in urls if url is not None]
        return Layers(memory, machine, away, self.tags.valid, self.behind)

    def leases(self, scope: Scope) -> Leases | None:
        """By which one of many processes asks the origin; None where each worker does.

        Raises:
            ConfigurationError: there is no store that machines could agree by.
        """
        if scope == "worker":
            return None
        if scope not in self._leases:
            self._leases[scope] = BoardLeases(self._board) if scope == "machine" else self._of_the_fleet()
        return self._leases[scope]

    def _of_the_fleet(self) -> Leases:
        if self._store is None:
            raise ConfigurationError(
                "Cache(scope='fleet'): machines agree by a Redis or Valkey; name it with the setting cache_store"
            )
        self._calls = RedisCalls(self._store, self.settings.cache_store_timeout)
        return RedisLeases(self._calls)

    def counts(self, name: str) -> Counts:
        """What the caches of this name count into."""
        return Counts(*self._tally(CACHE, name))

    async def invalidate(self, *tags: str) -> bool | None:
        """Make what has any of these tags invalid, here and at the CDNs, which have the app's own tags alone. Returns
        whether the other machines of the fleet have heard; None where there is none."""
        heard = await self.tags.invalidate(*tags)
        if self._purger is not None:
            self._purger.purge(tag for tag in tags if not is_ours(tag))
        return heard

    async def clear(self) -> None:
        """Make everything invalid."""
        await self.invalidate(EVERYTHING)

    def measure(self, decisions: Decisions) -> None:
        """Bring what the tiers hold and count to the board."""
        decisions.cache_bytes = self.tiers.memory.bytes
        self.tiers.tell()
