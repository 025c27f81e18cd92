"""Which core serves and which makes the load, and how a child process is put on one."""

import os
import resource
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Cores:
    """The two cores; both None on a machine that lends us only one, where figures are worth little."""

    server: int | None
    load: int | None


def choose() -> Cores:
    """The first and the last core this process may use."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        return Cores(server=None, load=None)
    return Cores(server=usable[0], load=usable[-1])


def pin(core: int | None) -> Callable[[], None]:
    """A `preexec_fn` that pins the child and all it will start.

    The runner has one thread, so running Python between fork and exec is safe here.
    """

    def start() -> None:
        if core is not None:
            os.sched_setaffinity(0, {core})

    return start


def raise_open_files() -> int:
    """Lifts the soft limit of open files to the hard one, for this process and its children; returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else 1 << 20
