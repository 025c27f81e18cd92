"""A real server under test: supervisor and workers as processes, seen and driven from outside only."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, TypeVar

from stanchion.cluster.control import ask
from tests.cli.processes import Ended, environment

T = TypeVar("T")
MARK = "CLUSTER_TEST"
"""An environment variable that all processes of one server inherit."""
_READY_WITHIN = 30.0
_PROGRAM = Path(__file__).with_name("served.py")


def until(holds: Callable[[], T], within: float = 15.0) -> T:
    """Wait for a condition and return what it is; fail after `within` seconds."""
    end = time.monotonic() + within
    while not (value := holds()):
        if time.monotonic() > end:
            raise AssertionError(f"still not after {within:g} s")
        time.sleep(0.02)
    return value


class Server:
    """`stanchion serve app:app` in `folder`, which holds a copy of `served.py` and the server's two outputs.

    `wrap` is a command that executes the rest of its arguments; `inherit` are descriptors that it is given.
    """

    def __init__(
        self,
        folder: Path,
        flags: Sequence[str],
        *,
        environ: Mapping[str, str],
        wrap: Sequence[str],
        inherit: Sequence[int],
    ) -> None:
        self.folder = folder
        self._mark = f"{folder}-{time.monotonic_ns()}"
        if not (folder / "app.py").exists():
            shutil.copy(_PROGRAM, folder / "app.py")
        self.environ = environment(XDG_RUNTIME_DIR=str(folder), **{MARK: self._mark, **environ})
        command = [*wrap, sys.executable, "-m", "stanchion", "serve", "app:app", *flags]
        self._output, self._errors = (folder / f"{name}-{time.monotonic_ns()}" for name in ("output", "errors"))
        with self._output.open("w") as output, self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                command, cwd=folder, env=self.environ, stdout=output, stderr=errors, pass_fds=inherit
            )

    def __repr__(self) -> str:
        return f"<Server {self.process.pid}>"

    # What it says

    @property
    def output(self) -> str:
        return self._output.read_text()

    @property
    def errors(self) -> str:
        return self._errors.read_text()

    def started(self) -> None:
        """Wait for its announcement."""
        until(lambda: "/livez" in self.output or self.process.poll() is not None, _READY_WITHIN)
        assert self.process.poll() is None, self.errors

    @property
    def port(self) -> int:
        return self._announced(r"http://127\.0\.0\.1:(\d+)$")

    @property
    def admin_port(self) -> int:
        return self._announced(r"http://127\.0\.0\.1:(\d+)  /livez")

    def _announced(self, pattern: str) -> int:
        found = until(lambda: re.search(pattern, self.output, re.MULTILINE))
        return int(found[1])

    # What is asked of it

    def get(self, path: str, port: int | None = None) -> tuple[int, bytes]:
        """Status and body of a GET on a fresh connection, by default of the app."""
        connection = HTTPConnection("127.0.0.1", port or self.port, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def admin(self, path: str) -> tuple[int, bytes]:
        """Status and body of a GET on the admin port."""
        return self.get(path, self.admin_port)

    def status(self) -> dict[str, Any]:
        """The decoded status.json."""
        status: dict[str, Any] = json.loads(self.admin("/status.json")[1])
        return status

    def command(self, *arguments: str, check: bool = False) -> Ended:
        """Run another `stanchion` command beside this server, and no other."""
        done = subprocess.run(
            [sys.executable, "-m", "stanchion", *arguments],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert not check or (done.returncode, done.stderr) == (0, ""), done
        return done

    def reload(self) -> None:
        """A rolling reload, to its end."""
        path = self.folder / "stanchion" / f"{self.process.pid}.sock"
        assert ask(str(path), "POST", "/reload", timeout=60) == {"done": "every worker is new"}

    def reload_fails(self) -> str:
        """Why a reload did not succeed."""
        done = self.command("reload")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done
        return done.stderr.removeprefix("stanchion: ")

    # Its processes

    def workers(self) -> dict[int, int]:
        """The pid of the serving worker of each slot."""
        return {one["slot"]: one["pid"] for one in self.status()["workers"] if one["state"] == "serving"}

    def full(self, *, without: Sequence[int] = (), within: float = 15.0) -> dict[int, int]:
        """Wait until every slot has a serving worker and those `without` are gone; the pids by slot."""

        def found() -> dict[int, int]:
            status = self.status()
            pids = {one["slot"]: one["pid"] for one in status["workers"] if one["state"] == "serving"}
            others = [one["pid"] for one in status["workers"]]
            wanted = status["wanted"]
            known = status["checks"]["workers"]["detail"] == f"{wanted} of {wanted} serve"
            done = known and len(pids) == wanted == len(others) and not set(others) & set(without)
            return pids if done else {}

        try:
            return until(found, within)
        except AssertionError:
            raise AssertionError(f"not at full strength: {self.status()}") from None

    def processes(self) -> list[int]:
        """All that live, orphans too."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if f"{MARK}={self._mark}".encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:  # it has ended meanwhile
                continue
        return sorted(found)

    def zombies(self) -> list[int]:
        """Children of the supervisor that it has not waited for."""
        return [pid for pid in children(self.process.pid) if state(pid) == "Z"]

    def descriptors(self) -> int:
        """How many the supervisor has open."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def kill(self, pid: int, number: signal.Signals = signal.SIGKILL) -> float:
        """Send a signal to one of its processes; the moment."""
        os.kill(pid, number)
        return time.monotonic()

    def ended(self, within: float = 20.0) -> int:
        """Wait for its end; the exit code."""
        return self.process.wait(timeout=within)

    def end(self) -> None:
        """Whatever has happened, leave no process."""
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def kill_rest(self) -> list[int]:
        """End what has outlived the supervisor; what that was."""
        try:
            until(lambda: not self.processes(), 5)
        except AssertionError:
            rest = self.processes()
            for pid in rest:
                os.kill(pid, signal.SIGKILL)
            return rest
        return []

    # Its ledger

    def ledger(self) -> dict[str, dict[str, int]]:
        """What the handlers have noted: for `begun` and `done`, the pid by request."""
        notes: dict[str, dict[str, int]] = {"begun": {}, "done": {}}
        for line in (self.folder / "ledger").read_text().splitlines():
            what, name, pid = line.split()
            assert name not in notes[what], f"{name} was {what} twice"
            notes[what][name] = int(pid)
        return notes

    def answered(self) -> int:
        """Requests of all routes that were answered with a 2xx, by the page of metrics."""
        page = self.admin("/metrics")[1].decode()
        lines = re.findall(r'^stanchion_http_requests_total\{.*status="2xx"\} (\d+)$', page, re.MULTILINE)
        return sum(map(int, lines))


def children(pid: int) -> list[int]:
    """The pids of a process's children, ended ones too."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def state(pid: int) -> str:
    """`R`, `S`, `Z`, …; empty where there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def listening(pid: int) -> int:
    """How many listening TCP sockets a process has, not counting further descriptors of one."""
    rows = Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
    inodes = {fields[9] for fields in map(str.split, rows) if fields[3] == "0A"}
    links = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            links.add(os.readlink(entry).removeprefix("socket:[").rstrip("]"))
    return len(inodes & links)
