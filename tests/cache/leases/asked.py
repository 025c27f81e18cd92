"""Starts the processes of `asking`, and hears them out."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

ROOT = Path(__file__).parents[3]


class Asking(Struct):
    """Where they ask: a Redis URL or a board's descriptor, and the folder that stands for the shared place."""

    where: str
    folder: Path

    @contextmanager
    def process(self, callers: int, seconds: float) -> Iterator[subprocess.Popen[str]]:
        """One that has told its first line; killed in the end."""
        command = [sys.executable, "-m", "tests.cache.leases.asking", self.where, str(self.folder)]
        passed = [int(self.where)] if self.where.isdigit() else []
        process = subprocess.Popen(
            [*command, str(callers), str(seconds)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=passed,
        )
        with process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline().strip() == ("ready" if callers else "taken")
                yield process
            finally:
                process.kill()

    @property
    def calls(self) -> list[str]:
        """The processes whose calls reached the origin, in order."""
        told = self.folder / "calls"
        return told.read_text().split() if told.exists() else []


def go(process: "subprocess.Popen[str]") -> None:
    """Let its callers ask."""
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def heard(process: "subprocess.Popen[str]") -> dict[str, Any]:
    """What its callers got."""
    assert process.stdout is not None
    told: dict[str, Any] = json.loads(process.stdout.readline())
    return told
