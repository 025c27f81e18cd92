"""Locks that a killed process cannot leave held: POSIX record locks (fcntl(2)) on the first byte of a cell.

The kernel drops them when their holder ends, however it ends. Three traits shape this file:

- They belong to a process, not to a thread: a mutex keeps the threads of a process apart.
- They are lost when the process closes *any* descriptor of the file. So a process has one board and closes it last.
- A lock of an open file description (F_OFD_SETLKW) has neither trait, and was rejected: the description is shared by
  all who inherit the descriptor, so that one worker's lock would not exclude its siblings.

A process that is stopped (SIGSTOP) while it holds one keeps the others waiting until it goes on or is killed.
"""

from fcntl import LOCK_EX, LOCK_UN, lockf
from threading import Lock

from stanchion.board.layout import CELL


class RecordLocks:
    """Exclusive access to one cell at a time; never nested, in any order: a nested one would wait for itself."""

    def __init__(self, descriptor: int | None) -> None:
        """`descriptor` is the segment's, or None where no other process has it."""
        self._descriptor = descriptor
        self._mutex = Lock()
        self._byte = 0

    def acquire(self, cell: int) -> None:
        """Wait for a cell, given by its offset on the board."""
        self._mutex.acquire()
        if self._descriptor is not None:
            self._byte = cell * CELL
            try:
                lockf(self._descriptor, LOCK_EX, 1, self._byte)
            except BaseException:  # a signal's handler may raise while the kernel waits
                self._mutex.release()
                raise

    def release(self) -> None:
        """Let go of the cell that was acquired."""
        try:
            if self._descriptor is not None:
                lockf(self._descriptor, LOCK_UN, 1, self._byte)
        finally:
            self._mutex.release()
