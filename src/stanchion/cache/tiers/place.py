"""Where the machine's tier is: a directory for this user alone, in shared memory where that has room."""

import os
import re
import shutil
from contextlib import suppress
from tempfile import gettempdir, mkdtemp

_SHARED_MEMORY = "/dev/shm"
_NAME = "stanchion-cache-"


def private_directory(base: str | None, size: int) -> str:
    """A new directory, mode 0700, in `base`; None is /dev/shm where it has `size` bytes free, else the temporary one.

    Those that killed processes have left there are removed.

    Raises:
        OSError: none can be made there.
    """
    if base is None:
        base = _SHARED_MEMORY if _free(_SHARED_MEMORY) >= size else gettempdir()
    os.makedirs(base, exist_ok=True)
    _sweep(base)
    return mkdtemp(prefix=f"{_NAME}{os.getpid()}-", dir=base)


def taken(path: str) -> int:
    """Bytes of memory or disk that the tier's file takes now."""
    with suppress(OSError):
        return os.stat(os.path.join(path, "data.mdb")).st_blocks * 512
    return 0


def _free(path: str) -> int:
    with suppress(OSError):
        found = os.statvfs(path)
        return found.f_bavail * found.f_frsize
    return 0


def _sweep(base: str) -> None:
    for name in os.listdir(base):
        owner = re.fullmatch(rf"{_NAME}(\d+)-\w+", name)
        if owner is None:
            continue
        try:
            os.kill(int(owner[1]), 0)
        except ProcessLookupError:
            shutil.rmtree(os.path.join(base, name), ignore_errors=True)
        except OSError:
            continue  # another user's
