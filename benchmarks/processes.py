"""A server's processes, the memory they hold and the time they took, read from /proc."""

import os
import re
from contextlib import suppress
from pathlib import Path

_PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)
_PROC = Path("/proc")
_TICK = os.sysconf("SC_CLK_TCK")


def born(pid: int) -> int | None:
    """The tick a process was started at, None when it is gone; with the id it names a process for good."""
    stat = _stat(pid)
    return None if stat is None else int(stat[19])


def running(pid: int, tick: int) -> bool:
    """Whether that very process still runs; one that has ended and only waits to be collected does not."""
    stat = _stat(pid)
    return stat is not None and stat[0] not in "ZX" and int(stat[19]) == tick


def family(root: int) -> dict[int, int]:
    """`root` and all its descendants, as id -> tick of birth."""
    parents: dict[int, int] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))) is not None:
            parents[int(entry.name)] = int(stat[1])
    members, waiting = {}, [root]
    while waiting:
        pid = waiting.pop()
        if (tick := born(pid)) is not None:
            members[pid] = tick
        waiting.extend(child for child, parent in parents.items() if parent == pid and child not in members)
    return members


def pss_kib(root: int) -> int:
    """Proportional set size of `root` and its descendants in KiB: a page they share counts once."""
    total = 0
    for pid in family(root):
        with suppress(OSError):
            found = _PSS.search((_PROC / str(pid) / "smaps_rollup").read_text())
            total += int(found[1]) if found else 0
    return total


def cpu_seconds(root: int) -> float:
    """Processor time that `root` and its descendants have used so far, in user and kernel mode."""
    stats = (_stat(pid) for pid in family(root))
    return sum(int(stat[11]) + int(stat[12]) for stat in stats if stat is not None) / _TICK


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the command's name; the first is proc(5)'s number 3, the state."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()
