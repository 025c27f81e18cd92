"""A private PgBouncer in transaction mode before a PostgreSQL of the tests."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from tests.data.postgres_server import PostgresServer, as_owner
from tests.ports import free_port

EXECUTABLE = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
needs_pgbouncer = pytest.mark.skipif(EXECUTABLE is None, reason="no pgbouncer on this machine")
_CONFIGURATION = """
[databases]
postgres = host=127.0.0.1 port={server} user=postgres connect_query='SET client_connection_check_interval = 500'
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 200
"""
_START = 10.0


class PgBouncer:
    """One on a free port of the loopback, with `size` connections to the server."""

    def __init__(self, server: PostgresServer, size: int) -> None:
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="stanchion-"))
        file = self._folder / "pgbouncer.ini"
        file.write_text(_CONFIGURATION.format(server=server.port, port=self.port, size=size))
        self._folder.chmod(0o755)
        assert EXECUTABLE is not None
        command = as_owner([EXECUTABLE, "--quiet", str(file)])
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        end = time.monotonic() + _START
        while not self._answers():
            assert time.monotonic() < end, (self._folder / "log").read_text()
            time.sleep(0.02)

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def _answers(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self) -> None:
        """End it, and leave nothing."""
        self._process.terminate()
        self._process.wait(10)
        shutil.rmtree(self._folder)
