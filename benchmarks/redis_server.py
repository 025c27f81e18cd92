"""A Redis of a benchmark's own."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.cores import pin
from benchmarks.install import system_program
from benchmarks.server import free_port


@contextmanager
def redis(core: int | None) -> Iterator[str]:
    """One on this core, without persistence; its URL."""
    program = shutil.which("redis-server") or shutil.which("valkey-server") or system_program("redis-server", print)
    port = free_port()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="stanchion-bench-"))
        process = subprocess.Popen(
            [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            preexec_fn=pin(core),
        )
        stack.callback(process.wait)
        stack.callback(process.terminate)
        yield f"redis://127.0.0.1:{port}/0"
