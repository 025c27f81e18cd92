"""Runs wrk on the core that the server does not have, and reads what it found."""

import os
import re
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cases import Case
from benchmarks.cores import pin

SCRIPT = Path(__file__).with_name("load.lua")
GRACE = 30.0
"""Seconds past its own duration that wrk may take; it is ended then, so that no loop is without bound."""

_FIELD = re.compile(r"(\w+)=(\d+)")


class LoadFailed(Exception):
    """wrk did not run, or said nothing that can be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """What wrk found in one measure: latencies in milliseconds, errors by wrk's own names.

    `status` counts answers of 400 and above; the case knows whether those are wanted.
    """

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    connect: int = 0
    read: int = 0
    write: int = 0
    timeout: int = 0
    status: int = 0
    wrong: int = 0

    @property
    def per_second(self) -> float:
        """Requests answered a second."""
        return self.requests / self.seconds if self.seconds else 0.0

    def faults(self, case: Case) -> tuple[str, ...]:
        """Why this figure must not be used, if so: a lost or a wrong answer makes a fast figure worthless."""
        found = [
            f"{count} {name} errors"
            for name, count in (
                *(("connect", self.connect), ("read", self.read)),
                *(("write", self.write), ("timeout", self.timeout)),
            )
            if count
        ]
        if self.wrong:
            found.append(f"{self.wrong} answers were of another item than their id says")
        wanted = self.requests if case.status >= 400 else 0
        if self.status != wanted:
            found.append(f"{self.status} of {self.requests} answers had a status of 400 or above, {wanted} wanted")
        if not self.requests:
            found.append("no request was answered")
        return tuple(found)


def parse(output: str) -> Load:
    """Reads the line that load.lua prints; raises `LoadFailed` when it is missing or lacks a field."""
    line = next((line for line in output.splitlines() if line.startswith("BENCH ")), "")
    fields = {name: int(value) for name, value in _FIELD.findall(line)}
    try:
        return Load(
            requests=fields["requests"],
            seconds=fields["duration_us"] / 1e6,
            p50_ms=fields["p50_us"] / 1e3,
            p99_ms=fields["p99_us"] / 1e3,
            connect=fields["connect"],
            read=fields["read"],
            write=fields["write"],
            timeout=fields["timeout"],
            status=fields["status"],
            wrong=fields["wrong"],
        )
    except KeyError as missing:
        raise LoadFailed(f"wrk's output has no {missing}: {output.strip()[-200:] or 'it is empty'}") from None


@dataclass(frozen=True, kw_only=True, slots=True)
class Generator:
    """wrk with its core; one thread, so that it never takes the server's core."""

    wrk: str
    core: int | None

    def run(self, case: Case, port: int, *, seconds: int, connections: int) -> Load:
        """One measure of `case` against a server on the loopback interface."""
        with tempfile.TemporaryDirectory(prefix="stanchion-bench-") as folder:
            environment = {**os.environ, "BENCH_METHOD": case.method, "BENCH_KEYS": str(case.keys)}
            if case.body is not None:
                body = Path(folder, "body.json")
                body.write_bytes(case.body)
                environment["BENCH_BODY"] = str(body)
            url = f"http://127.0.0.1:{port}{case.path if not case.keys else case.path.replace('%d', '1')}"
            environment["BENCH_PATH"] = case.path
            command = [
                *(self.wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "5s", "--latency"),
                *("-s", str(SCRIPT), url),
            ]
            return parse(_output(command, environment, pin(self.core), seconds + GRACE))


def _output(command: list[str], environment: dict[str, str], start: Callable[[], None], limit: float) -> str:
    try:
        done = subprocess.run(
            command,
            env=environment,
            preexec_fn=start,
            timeout=limit,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LoadFailed(f"wrk did not finish: {error}") from error
    if done.returncode:
        raise LoadFailed(f"wrk ended with {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
