"""Starts a peer's server on a free loopback port and one core, and ends all of it again, whatever happens."""

import http.client
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks import processes
from benchmarks.cores import pin
from benchmarks.peers import Peer
from benchmarks.reaper import Reaper

APPS = Path(__file__).with_name("peers")
NODE_MODULES = Path(__file__).with_name(".env") / "node" / "node_modules"
SOURCE = Path(__file__).resolve().parent.parent / "src"
CONFIGURING = ("PYTHON", "NODE_", "STANCHION_", "UVICORN_", "GRANIAN_", "ROBYN_")
"""Variables of the caller's that would set a server up in another way than the table of peers says."""
READY_LIMIT = 30.0
STOP_LIMIT = 3.0
PORTS = range(20_000, 30_000)
"""Below Linux's ephemeral range, so that no client's own port is ever in a server's way."""


class ServerFailed(Exception):
    """A peer's server did not start; the text holds the end of what it said."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A running server: its first process and its port."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    started: float

    def words(self) -> str:
        """The last line of what the server printed, for a message."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else "it printed nothing"

    def wait_until_ready(self, path: str, *, step: float = 0.02) -> float:
        """Polls until an answer below 500 comes; seconds since the process was started.

        Raises `ServerFailed` when the process ends first or `READY_LIMIT` passes.
        """
        while time.perf_counter() - self.started < READY_LIMIT:
            if self.process.poll() is not None:
                raise ServerFailed(f"ended with {self.process.returncode}: {self.words()}")
            if _answers(self.port, path):
                return time.perf_counter() - self.started
            time.sleep(step)
        raise ServerFailed(f"no answer within {READY_LIMIT:.0f} s: {self.words()}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Launcher:
    """Starts servers: `programs` maps a template's name (python, node, ...) to the program that was found."""

    programs: Mapping[str, str]
    core: int | None
    reaper: Reaper | None = None

    @contextmanager
    def serving(self, peer: Peer, *, routes: int = 0) -> Iterator[Server]:
        """A started server, perhaps not ready yet; leaving the block ends it and all its descendants."""
        with ExitStack() as stack:
            work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stanchion-bench-")))
            port = free_port()
            _configure(port, work)
            command = [part.format(port=port, work=work, **self.programs) for part in peer.command]
            log = work / "output.log"
            output = stack.enter_context(log.open("wb"))
            started = time.perf_counter()
            process = subprocess.Popen(
                command,
                cwd=APPS,
                env=environment(peer.home) | {"BENCH_PORT": str(port), "BENCH_ROUTES": str(routes)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=pin(self.core),
                start_new_session=True,
            )
            stack.callback(self._end, process)
            if self.reaper:
                self.reaper.watch(process.pid)
            yield Server(process=process, port=port, log=log, started=started)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        _end(process)
        if self.reaper:
            self.reaper.release(process.pid)


def environment(home: str) -> dict[str, str]:
    """The runner's environment, less what would change a server, plus production settings and import paths.

    Stanchion comes from this repository's source where there is one, installed or not.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(CONFIGURING)}
    folders = [APPS, SOURCE] if home == "project" and SOURCE.is_dir() else [APPS]
    return kept | {
        "NODE_ENV": "production",
        "NODE_PATH": str(NODE_MODULES),
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
    }


def free_port() -> int:
    """A port nobody listens on now, taken from `PORTS` at a place that differs by process and moment."""
    first = (os.getpid() * 31 + time.monotonic_ns() // 1_000_000) % len(PORTS)
    for offset in range(len(PORTS)):
        port = PORTS[(first + offset) % len(PORTS)]
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise ServerFailed("no free port on the loopback interface")


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        return response.status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _configure(port: int, work: Path) -> None:
    """nginx's files, which know no variables, with what they need filled in."""
    filled = {
        "@PORT@": str(port),
        "@WORK@": str(work),
        "@UPSTREAM@": os.environ.get("BENCH_UPSTREAM", "127.0.0.1:1").removeprefix("http://"),
        "@KILOBYTE@": "x" * 1024,
        "@USER@": "user root;" if os.geteuid() == 0 else "",  # else it could not write into its folder
    }
    for source in APPS.glob("*.conf"):
        text = source.read_text()
        for name, value in filled.items():
            text = text.replace(name, value)
        (work / source.name).write_text(text)


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM to the group; after `STOP_LIMIT`, SIGKILL to it and to every descendant that left it."""
    family = processes.family(process.pid)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_LIMIT)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    left = time.perf_counter() + STOP_LIMIT
    while remaining := [pid for pid, born in family.items() if processes.running(pid, born)]:
        for pid in remaining:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.perf_counter() > left:
            raise ServerFailed(f"the processes {remaining} do not end")
        time.sleep(0.005)
