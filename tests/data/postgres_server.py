"""A private PostgreSQL from the system's binaries, which can be killed, stopped and started again."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.ports import free_port

_PLACES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
_FOUND = shutil.which("initdb")
BINARIES = _PLACES[-1] if _PLACES else Path(_FOUND).parent if _FOUND else None
needs_postgres = pytest.mark.skipif(BINARIES is None, reason="no PostgreSQL server on this machine (initdb)")
_OPTIONS = (
    *("-c", "listen_addresses=127.0.0.1", "-c", "shared_buffers=32MB", "-c", "logging_collector=off"),
    *("-c", "fsync=off", "-c", "max_wal_senders=8", "-c", "wal_level=replica"),
)
"""fsync costs the tests minutes, and a killed process loses nothing without it: only a machine would."""
_START = 30.0


def as_owner(command: list[str]) -> list[str]:
    """PostgreSQL does not run as root; Debian's package brings a user for it."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command


class PostgresServer:
    """One on a free port of the loopback, with the superuser `postgres` and no password."""

    def __init__(self, *options: str) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="stanchion-"))  # pytest's own are closed to other users
        self.data = self.folder / "data"
        self._options = options
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
        self.make()
        self.start()

    def make(self) -> None:
        """Make the cluster."""
        command = ["initdb", "-D", str(self.data), "-U", "postgres", "-A", "trust", "-N"]
        self.run(*command)

    def run(self, program: str, *arguments: str) -> None:
        """One of PostgreSQL's programs, to its end."""
        assert BINARIES is not None
        done = subprocess.run(
            as_owner([str(BINARIES / program), *arguments]), capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr + done.stdout

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    @property
    def pid(self) -> int:
        """Of the first process."""
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = [*_OPTIONS, "-c", f"unix_socket_directories={self.folder}", "-p", str(self.port), *self._options]
        log = str(self.folder / "log")
        self.run(*("pg_ctl", "-D", str(self.data), "-l", log, "-o", " ".join(options), "-t", "30", "-w", "start"))

    def stop(self) -> None:
        """End it at once, with all its connections."""
        self.run("pg_ctl", "-D", str(self.data), "-m", "immediate", "-w", "stop")

    def kill(self) -> None:
        """Kill -9 of every process of it."""
        killed = self._signal(signal.SIGKILL)
        end = time.monotonic() + _START
        while any(Path(f"/proc/{pid}").exists() for pid in killed) and time.monotonic() < end:
            time.sleep(0.01)

    def freeze(self) -> None:
        """No process of it runs any more, but its connections stand."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """They go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> list[int]:
        """Send a signal to every process of it; which those are."""
        first = self.pid
        os.kill(first, signal.SIGSTOP)  # so that it starts none, and ends none, while the others are gone through
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        every = [*map(int, children), first]
        for pid in every:
            with suppress(ProcessLookupError):  # it had been waited for before the first one stopped
                os.kill(pid, number)
        return every

    def close(self) -> None:
        """Stop it if it runs, and leave nothing."""
        if (self.data / "postmaster.pid").exists() and Path(f"/proc/{self.pid}").exists():
            self._signal(signal.SIGCONT)
            self.stop()
        shutil.rmtree(self.folder)
