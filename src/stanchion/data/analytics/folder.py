"""A folder of a worker's own, which does not stay behind even when the worker is killed."""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

_PREFIX = "stanchion-analytics-"
_LOCK = ".lock"


class Folder:
    """Made where temporary files are (`TMPDIR`), with a lock that ends with the process; whoever makes one clears away
    those whose process has ended."""

    def __init__(self) -> None:
        _clear(Path(tempfile.gettempdir()))
        made = Path(tempfile.mkdtemp(prefix="stanchion-new-"))
        self._lock = os.open(made / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.path = made.rename(made.with_name(_PREFIX + made.name))  # now that it is locked, others may find it

    def __repr__(self) -> str:
        return f"<Folder {self.path}>"

    def close(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _clear(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # one that is not ours, that just begins, or that another clears as well
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)
