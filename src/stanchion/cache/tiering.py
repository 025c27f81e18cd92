"""The tiers of a worker, each made when the first declaration names it, and what they count."""

from collections.abc import Callable
from typing import Any

from stanchion.cache.layers import Found
from stanchion.cache.options import MACHINE, MEMORY
from stanchion.cache.tiers.memory import Memory
from stanchion.settings import Settings
from stanchion.telemetry.tallies import CACHE_TIER, CacheCell

Tally = Callable[[str, str], tuple[memoryview, int]]
"""Gives the cells of a kind and a name in this worker's row, and the first of eight."""


class Tiers:
    """One set a worker; declarations share them."""

    def __init__(self, settings: Settings, tally: Tally) -> None:
        self.memory: Memory[Found] = Memory(settings.cache_memory)
        self._settings = settings
        self._tally = tally
        self._machine: Any = None
        self._remotes: dict[str, Any] = {}
        self._told: dict[str, dict[str, int]] = {}

    def __repr__(self) -> str:
        return f"<Tiers {', '.join(self.named())}>"

    def named(self) -> dict[str, Any]:
        """Those that were made, by the name they are counted under."""
        tiers: dict[str, Any] = {MEMORY: self.memory}
        if self._machine is not None:
            tiers[MACHINE] = self._machine
        return tiers | {tier.name: tier for tier in self._remotes.values()}

    def machine(self) -> Any:
        """That of all workers of this machine, opened by `open` or its first use; LMDB is imported for who uses it."""
        if self._machine is None:
            from stanchion.cache.tiers.machine import Machine

            self._machine = Machine(self._settings.cache_directory, self._settings.cache_machine)
        return self._machine

    def remote(self, url: str) -> Any:
        """The one at this URL.

        Raises:
            ConfigurationError: it cannot be read, or its driver is missing.
        """
        if url not in self._remotes:
            from stanchion.cache.tiers.remote import remote

            self._remotes[url] = remote(url, self._settings.cache_store_timeout)
        return self._remotes[url]

    def open(self) -> None:
        """Open the machine's, if a declaration has named it: no request has to wait for that."""
        if self._machine is not None:
            self._machine.open()

    async def close(self) -> None:
        """Close them all."""
        for tier in self._remotes.values():
            await tier.close()
        if self._machine is not None:
            self._machine.close()

    def tell(self) -> None:
        """Bring what they have counted to the board."""
        for name, tier in self.named().items():
            now, before = tier.statistics(), self._told.get(name, {})
            cells, base = self._tally(CACHE_TIER, name)
            for cell in CacheCell:
                counted = now.get(cell.name.lower(), 0) - before.get(cell.name.lower(), 0)
                cells[base + cell] += max(0, counted)
            self._told[name] = now
