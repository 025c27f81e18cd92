"""The memory itself: made once, mapped by every process.

`memfd_create` where there is one: no name, so nothing to clean up after a kill, and no limit of a mount, while a
container's /dev/shm has 64 MiB unless somebody raised it. It takes memory only for the pages that are touched. Else an
unlinked temporary file, allocated in full: a disk that is full is then an error at start, and not a SIGBUS at some
store later.
"""

import os
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED, mmap
from tempfile import gettempdir, mkstemp

from stanchion.board.layout import CELL, HEADER
from stanchion.errors import ConfigurationError


def create(size: int) -> int:
    """A segment of `size` zero bytes; returns its descriptor, which child processes may inherit.

    Raises:
        ConfigurationError: there is not enough room for it.
    """
    try:
        descriptor = os.memfd_create("stanchion-board", 0)  # 0: without MFD_CLOEXEC
    except (AttributeError, OSError):  # not Linux, or forbidden by a seccomp filter
        return _in_file(size)
    return _sized(descriptor, size, "memory")


def _in_file(size: int) -> int:
    descriptor, path = mkstemp(prefix="stanchion-board-")
    os.unlink(path)
    os.set_inheritable(descriptor, True)
    return _sized(descriptor, size, gettempdir())


def _sized(descriptor: int, size: int, where: str) -> int:
    try:
        if where == "memory":
            os.ftruncate(descriptor, size)
        else:
            os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        os.close(descriptor)
        raise ConfigurationError(
            f"the board needs {size} bytes in {where}: {error.strerror}; make room, or have fewer workers or max_series"
        ) from None
    return descriptor


def peek(descriptor: int) -> tuple[list[int], int]:
    """The cells of an inherited segment's header, and the segment's size in bytes.

    Raises:
        ConfigurationError: the descriptor is not open, or is nothing that can be mapped.
    """
    try:
        size = os.fstat(descriptor).st_size
        raw = os.pread(descriptor, HEADER * CELL, 0)
    except OSError as error:
        raise ConfigurationError(
            f"descriptor {descriptor} holds no board: {error.strerror}; a worker inherits it from its supervisor"
        ) from None
    return memoryview(raw[: len(raw) // CELL * CELL]).cast("Q").tolist(), size


def shared(descriptor: int, size: int) -> mmap:
    """Map a segment. The mapping has a descriptor of its own, closed with it.

    Raises:
        ConfigurationError: the process may not map as much.
    """
    try:
        return mmap(descriptor, size, MAP_SHARED)
    except OSError as error:
        raise ConfigurationError(
            f"the board of {size} bytes cannot be mapped: {error.strerror}; raise `ulimit -v`"
        ) from None


def anonymous(size: int) -> mmap:
    """Memory of this process alone; a fork gets a copy."""
    return mmap(-1, size, MAP_PRIVATE | MAP_ANONYMOUS)
