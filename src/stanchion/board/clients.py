"""A table of states by key, of a fixed size, shared by all processes: what limits remember of their clients.

It is set-associative, as a processor's cache is: a key belongs to one set of eight entries, by its value. A state that
has expired equals no state, so its entry is taken over at no loss. Where all eight are live the one that expires first
is given up, and counted: its key begins anew.

A set is locked as a whole. A process killed in `take` leaves the lock free and an entry with its old state, its new
one, or with none and its key gone, which only an expired entry or one given up can become. The key is written last.
"""

from collections.abc import Callable
from typing import TypeVar

from stanchion.board.layout import SET, WAYS
from stanchion.board.locks import RecordLocks

T = TypeVar("T")
_State = tuple[int, int, int]
_NONE: _State = (0, 0, 0)
_EXPIRES, _FIRST, _SECOND = WAYS, 2 * WAYS, 3 * WAYS


class ClientTable:
    """Entries of a key, the time it expires, and two numbers that are the caller's.

    A set is eight keys, eight times, then twice eight numbers, so that one slice has all keys. `take` costs 2.3 µs with
    a step that does nothing, of which 1.1 are the lock.
    """

    def __init__(self, cells: memoryview, first: int, locks: RecordLocks) -> None:
        """`cells` are the section's, `first` is its offset on the board."""
        self._cells = cells
        self._first = first
        self._locks = locks
        self._sets = len(cells) // SET
        self.given_up = 0
        """Live entries that this process has given up."""

    def __len__(self) -> int:
        return self._sets * WAYS

    def __repr__(self) -> str:
        return f"<ClientTable of {len(self)} entries, {self.given_up} given up>"

    def take(
        self,
        key: int,
        now: int,
        step: Callable[[_State, int, int, int], tuple[_State | None, T]],
        cost: int,
        patience: int,
    ) -> T:
        """Call `step(state, now, cost, patience)` with the state of `key`, as if there were no other process.

        `key` is from 1 to 2^64 - 1, a good hash. The state is zeros where there is none; the first number of the new
        one is when it will have expired, by the clock of `now`. A new state of None leaves the old.
        """
        cells = self._cells
        base = key % self._sets * SET
        self._locks.acquire(self._first + base)
        try:
            keys = cells[base : base + WAYS].tolist()
            if key in keys:
                at = base + keys.index(key)
                state, result = step(
                    (cells[at + _EXPIRES], cells[at + _FIRST], cells[at + _SECOND]), now, cost, patience
                )
                if state is not None:
                    # The time first: were it written last, a kill could leave an entry that expires before its state.
                    cells[at + _EXPIRES], cells[at + _FIRST], cells[at + _SECOND] = state
                return result
            state, result = step(_NONE, now, cost, patience)
            if state is not None:
                at = self._room(base, now)
                cells[at] = 0  # whoever dies from here on leaves an entry of nobody
                cells[at + _EXPIRES], cells[at + _FIRST], cells[at + _SECOND] = state
                cells[at] = key
            return result
        finally:
            self._locks.release()

    def _room(self, base: int, now: int) -> int:
        """The entry that expires first, or did longest ago."""
        times = self._cells[base + _EXPIRES : base + _EXPIRES + WAYS].tolist()
        soonest = min(times)
        if soonest > now:
            self.given_up += 1
        return base + times.index(soonest)
