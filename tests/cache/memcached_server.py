"""A private memcached that can be killed."""

import shutil
import socket
import subprocess
import time

import pytest

from tests.ports import free_port

EXECUTABLE = shutil.which("memcached")
needs_memcached = pytest.mark.skipif(EXECUTABLE is None, reason="no memcached on this machine")


class MemcachedServer:
    """One on a free port of the loopback."""

    def __init__(self) -> None:
        self.port = free_port()
        self.start()

    @property
    def url(self) -> str:
        return f"memcached://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [EXECUTABLE or "", "-p", str(self.port), "-l", "127.0.0.1", "-U", "0", "-u", "nobody"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert time.monotonic() < end
                time.sleep(0.02)

    def kill(self) -> None:
        """End it at once; what it held is gone."""
        self.process.kill()
        self.process.wait()
