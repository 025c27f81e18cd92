"""Leases of one machine, on the board: no server, 4 µs to take and release one."""

import asyncio
from collections.abc import Callable
from hashlib import blake2b
from secrets import randbits
from time import monotonic_ns

from stanchion.board import Board
from stanchion.cache.leases.cells import LeaseCells, Outcome
from stanchion.cache.leases.lease import ALONE, RENEWED, Counts, Lease, poll


class BoardLease:
    """One that is held."""

    __slots__ = ("_leases", "holder", "key")

    def __init__(self, leases: "BoardLeases", key: int, holder: int) -> None:
        self._leases = leases
        self.key = key
        self.holder = holder

    def __repr__(self) -> str:
        return f"<BoardLease {self.key:016x}>"

    async def release(self, kept: bool = True) -> None:
        self._leases.release(self, kept)


class BoardLeases:
    """The leases that a worker shares with the others of its machine."""

    def __init__(self, board: Board, clock: Callable[[], int] = monotonic_ns) -> None:
        """`clock` is the same in all processes, in nanoseconds."""
        self._cells = LeaseCells(board.exact)
        self._hash = blake2b(digest_size=8, key=board.secret)
        self._clock = clock
        self._held: set[BoardLease] = set()
        self._renewing: asyncio.TimerHandle | None = None
        self._counts = Counts()

    def __repr__(self) -> str:
        return f"<BoardLeases {len(self._held)} held>"

    def statistics(self) -> dict[str, int]:
        """Leases held now; those taken, asked for in vain, done without, and lost since the start."""
        return {"held": len(self._held), **self._counts.statistics()}

    async def take(self, key: bytes) -> Lease | None:
        """The lease of `key`; None while another process has it."""
        number, holder = self._number(key), randbits(64) or 1
        outcome = self._cells.take(number, holder, self._clock())
        if outcome is Outcome.BUSY:
            self._counts.busy += 1
            return None
        if outcome is Outcome.ALONE:
            self._counts.alone += 1
            return ALONE
        self._counts.taken += 1
        lease = BoardLease(self, number, holder)
        self._held.add(lease)
        if self._renewing is None:
            self._renewing = asyncio.get_running_loop().call_later(RENEWED, self._renew)
        return lease

    async def wait(self, key: bytes, seconds: float) -> None:
        """Until nobody has the lease of `key`, or `seconds` are over."""
        number = self._number(key)

        async def busy() -> bool:
            return self._cells.busy(number, self._clock())

        await poll(busy, seconds)

    def release(self, lease: BoardLease, kept: bool) -> None:
        """Let go of one, if it is held."""
        if lease in self._held:
            self._held.discard(lease)
            self._cells.release(lease.key, lease.holder, self._clock(), kept)

    async def close(self) -> None:
        """Let go of all."""
        if self._renewing is not None:
            self._renewing.cancel()
            self._renewing = None
        for lease in list(self._held):
            self.release(lease, True)

    def _renew(self) -> None:
        """All that are held, in 1.3 µs each; again in a quarter of a second while there are any."""
        self._renewing = None
        for lease in list(self._held):
            if not self._cells.renew(lease.key, lease.holder, self._clock()):
                self._counts.lost += 1
                self._held.discard(lease)
        if self._held:
            self._renewing = asyncio.get_running_loop().call_later(RENEWED, self._renew)

    def _number(self, key: bytes) -> int:
        digest = self._hash.copy()
        digest.update(key)
        return int.from_bytes(digest.digest(), "little") or 1
