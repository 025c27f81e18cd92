"""The real command line, as a process of its own."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

Ended = subprocess.CompletedProcess[str]
Running = subprocess.Popen[str]
Mistake = Callable[..., str]
_MOST_SECONDS = 30.0


class Stanchion(Protocol):
    """`stanchion("routes", "app:app", cwd=folder)` runs the command and returns how it ended."""

    def __call__(self, *arguments: str, cwd: Path | None = None, **environ: str) -> Ended: ...


def environment(**extra: str) -> dict[str, str]:
    """The tests' own, without settings; bytecode is not kept, since tests edit sources within a second."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("STANCHION_")}
    return {**inherited, "PYTHONDONTWRITEBYTECODE": "1", **extra}


@contextmanager
def serving(folder: Path, *flags: str) -> Iterator[Running]:
    """`stanchion serve app:app` in `folder`, without an admin port unless a flag asks for one; ended with SIGTERM if it
    has not ended before."""
    admin = () if "--admin-port" in flags else ("--admin-port", "off")
    process = subprocess.Popen(
        [sys.executable, "-m", "stanchion", "serve", "app:app", *flags, *admin],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    watchdog = threading.Timer(_MOST_SECONDS, process.kill)  # a test that waits for a line must not wait for ever
    watchdog.start()
    with process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait()
            watchdog.cancel()


def printed(process: Running, pattern: str) -> str:
    """What `pattern` finds in the output to come, line by line."""
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(pattern, line):
            return found[0]
    assert process.stderr is not None
    raise AssertionError(f"it ended without {pattern}: {process.stderr.read()}")
