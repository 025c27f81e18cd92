"""What a container may use of its machine: CPUs and memory, as the kernel enforces them.

`os.cpu_count()` tells of the machine: in a container with two CPUs on a machine with 64 it would start 64 workers,
which take turns being throttled. Read are cgroups(7) of both versions, also mixed, and every group from the process's
own up to the top of what is mounted, since the narrowest holds. What cannot be read or is malformed limits nothing.
"""

import os
import re
from collections.abc import Iterator, Sequence
from math import ceil
from pathlib import Path

from msgspec import Struct

_ROOT = Path("/")
_UNLIMITED = 1 << 62
"""Version 1 has no word for no limit, only the largest multiple of a page in 63 bits."""
_MOST_DIGITS = 20
_OCTAL = re.compile(r"\\([0-7]{3})")


class _Mount(Struct, frozen=True, kw_only=True):
    """A cgroup file system as /proc/self/mountinfo has it."""

    root: str
    """Path, in the hierarchy, of the group that is seen at `point`."""
    point: str
    controllers: frozenset[str]
    """Of version 1; empty for version 2, whose one hierarchy has them all."""


def usable_cpus(root: Path = _ROOT) -> int:
    """How many workers can run at one time: the CPUs the scheduler allows, and the quota rounded up, at least 1.

    `root` is where the system's files are.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota(root)
    return allowed if quota is None else max(1, min(allowed, ceil(quota)))


def cpu_quota(root: Path = _ROOT) -> float | None:
    """CPU time in seconds a second, or None where there is no quota."""
    quotas = []
    for group in _groups(root, "cpu"):
        quotas.append(_ratio(_words(group / "cpu.max")))
        quotas.append(_ratio(_words(group / "cpu.cfs_quota_us") + _words(group / "cpu.cfs_period_us")))
    return min((quota for quota in quotas if quota is not None), default=None)


def memory_limit(root: Path = _ROOT) -> int | None:
    """Bytes at which the kernel kills, or None where there is no limit but the machine's."""
    limits = []
    for group in _groups(root, "memory"):
        words = _words(group / "memory.max") or _words(group / "memory.limit_in_bytes")
        limits.append(_number(words[0]) if words else None)
    return min((limit for limit in limits if limit is not None and limit < _UNLIMITED), default=None)


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of the groups that hold for this process, its own first, in each hierarchy with the controller."""
    mounts = list(_mounts(root))
    for line in _lines(root / "proc/self/cgroup"):
        identifier, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if identifier == "0" and not names:
            seen_in = [mount for mount in mounts if not mount.controllers]
        elif controller in names.split(","):
            seen_in = [mount for mount in mounts if controller in mount.controllers]
        else:
            continue
        found = [(mount, below) for mount in seen_in if (below := _below(mount.root, path)) is not None]
        # A group outside of all that is mounted, as in a container that kept its host's view: the mounts' top holds.
        for mount, below in found[:1] or [(mount, ()) for mount in seen_in[:1]]:
            top = root / mount.point.lstrip("/")
            yield from (top.joinpath(*below[:depth]) for depth in range(len(below), -1, -1))


def _below(root: str, path: str) -> Sequence[str] | None:
    """The way from a mount's root to a group, or None where the group is not below it.

    Both may begin with `..`, where they are above or beside the process's cgroup namespace (cgroup_namespaces(7)).
    """
    above, parts = _parts(root), _parts(path)
    below = parts[len(above) :]
    return below if parts[: len(above)] == above and ".." not in below else None


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _mounts(root: Path) -> Iterator[_Mount]:
    """The cgroup mounts (proc_pid_mountinfo(5))."""
    for line in _lines(root / "proc/self/mountinfo"):
        before, _, after = line.partition(" - ")
        place, kind = before.split(" "), after.split(" ")
        if len(place) < 6 or len(kind) < 3 or kind[0] not in ("cgroup", "cgroup2"):
            continue
        controllers = frozenset(kind[2].split(",")) if kind[0] == "cgroup" else frozenset[str]()
        yield _Mount(root=_unescaped(place[3]), point=_unescaped(place[4]), controllers=controllers)


def _unescaped(text: str) -> str:
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), text)


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8", "surrogateescape").split("\n")
    except OSError:
        return []


def _words(file: Path) -> list[str]:
    return " ".join(_lines(file)).split()


def _ratio(words: Sequence[str]) -> float | None:
    """`quota period` as CPUs; `max` and -1 are none."""
    numbers = [_number(word) for word in words]
    if len(numbers) != 2 or not numbers[0] or not numbers[1]:
        return None
    return numbers[0] / numbers[1]


def _number(word: str) -> int | None:
    return int(word) if word.isascii() and word.isdigit() and len(word) <= _MOST_DIGITS else None
