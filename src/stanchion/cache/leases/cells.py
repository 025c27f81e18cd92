"""Leases in the board's exact cells, with the clock passed in.

A set of four has twelve cells: the keys' hashes, then the holders, then the times, in nanoseconds, at which they end.
It is changed under the record lock of its first cell. When a lease is taken its time is written last: whoever is killed
before that leaves an entry that has ended long ago.
"""

from enum import Enum

from stanchion.board.exact import ExactCells
from stanchion.cache.leases.lease import LASTS, OPEN
from stanchion.errors import ConfigurationError

WAYS = 4
"""Leases of a set. With 1,000 at one time in the 5,461 sets of a board, one set in 30,000 is full."""
_SET = 3 * WAYS
_LASTS = int(LASTS * 1e9)
_OPEN = int(OPEN * 1e9)
_NOBODY = 0
"""The holder of a key that is open: nobody has it and nobody waits for it."""


class Outcome(Enum):
    """What came of asking for a lease."""

    TAKEN = "taken"
    BUSY = "busy"
    ALONE = "alone"
    """The set is full of others, or the key is open."""


class LeaseCells:
    """A board's leases; times are nanoseconds of CLOCK_MONOTONIC, keys and holders are numbers of 64 bits, not 0."""

    def __init__(self, exact: ExactCells) -> None:
        """Raises:
        ConfigurationError: there are too few cells for a set.
        """
        self._exact = exact
        self._sets = len(exact) // _SET
        if not self._sets:
            raise ConfigurationError(f"exact={len(exact)}: leases need {_SET} cells; give the board as many")

    def __repr__(self) -> str:
        return f"<LeaseCells {self._sets * WAYS}>"

    def take(self, key: int, holder: int, now: int) -> Outcome:
        """Become the holder of `key`, unless another is."""
        base = self._base(key)
        with self._exact.locked(base) as cells:
            free = None
            for way in range(base, base + WAYS):
                over = cells[way + 2 * WAYS] <= now
                if cells[way] == key:
                    if not over:
                        return Outcome.BUSY if cells[way + WAYS] != _NOBODY else Outcome.ALONE
                    free = way  # in its own place: else its last holder could still renew it there
                    break
                if over:
                    free = way
            if free is None:
                return Outcome.ALONE
            cells[free] = key
            cells[free + WAYS] = holder
            cells[free + 2 * WAYS] = now + _LASTS
            return Outcome.TAKEN

    def renew(self, key: int, holder: int, now: int) -> bool:
        """Have the lease last from now on; False if another has taken it over."""
        return self._change(key, holder, holder, now + _LASTS)

    def release(self, key: int, holder: int, now: int, kept: bool) -> None:
        """End the lease, if it is still this holder's; one that was not `kept` becomes open."""
        self._change(key, holder, _NOBODY, 0 if kept else now + _OPEN)

    def busy(self, key: int, now: int) -> bool:
        """Whether somebody holds `key`."""
        base = self._base(key)
        with self._exact.locked(base) as cells:
            return any(
                cells[way] == key and cells[way + WAYS] != _NOBODY and cells[way + 2 * WAYS] > now
                for way in range(base, base + WAYS)
            )

    def _change(self, key: int, holder: int, to: int, until: int) -> bool:
        base = self._base(key)
        with self._exact.locked(base) as cells:
            for way in range(base, base + WAYS):
                if cells[way] == key and cells[way + WAYS] == holder:
                    cells[way + WAYS] = to
                    cells[way + 2 * WAYS] = until
                    return True
        return False

    def _base(self, key: int) -> int:
        return key % self._sets * _SET
