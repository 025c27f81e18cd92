"""What machine a run was made on, for the report's head."""

import os
import platform
from pathlib import Path

from benchmarks.cores import Cores


def describe(cores: Cores) -> dict[str, str]:
    """CPU model, cores, kernel, Python: what a reader needs to know before comparing absolute figures."""
    return {
        "CPU": _cpu_model(),
        "cores": str(len(os.sched_getaffinity(0))),
        "server on core": "any" if cores.server is None else str(cores.server),
        "load on core": "any" if cores.load is None else str(cores.load),
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
    }


def _cpu_model() -> str:
    """From /proc/cpuinfo, whose `model name` other architectures than x86 do not have."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
