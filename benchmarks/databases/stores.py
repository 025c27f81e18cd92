"""The databases: a private PostgreSQL that keeps what it has said it keeps, and a file for SQLite."""

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.cores import pin
from benchmarks.install import InstallFailed, system_program
from benchmarks.server import free_port

ROWS = 100_000
_TABLES = """
CREATE TABLE items (item integer PRIMARY KEY, name text NOT NULL, price float8 NOT NULL, stock integer NOT NULL);
CREATE TABLE orders (id serial PRIMARY KEY, item integer NOT NULL, name text NOT NULL, quantity integer NOT NULL);
INSERT INTO items SELECT i, 'item ' || i, i + 0.5, i % 10 FROM generate_series(1, {rows}) i;
"""


def sqlite_file(folder: Path) -> str:
    """A database with the items; its URL."""
    path = folder / "items.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(
            "CREATE TABLE items (item integer PRIMARY KEY, name text NOT NULL, price real NOT NULL, stock integer)"
        )
        rows = ((number, f"item {number}", number + 0.5, number % 10) for number in range(1, ROWS + 1))
        connection.executemany("INSERT INTO items VALUES (?, ?, ?, ?)", rows)
    connection.close()
    return f"sqlite:///{path}"


@contextmanager
def postgresql(core: int | None) -> Iterator[str]:
    """A server on this core with the tables in it, fsync and all; its URL."""
    programs = _programs()
    with ExitStack() as stack:
        folder = tempfile.mkdtemp(prefix="stanchion-bench-")
        stack.callback(shutil.rmtree, folder)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        data, port = f"{folder}/data", free_port()
        _run([programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust"], core)
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c shared_buffers=256MB"
        _run([programs / "pg_ctl", "-D", data, "-o", options, "-l", f"{folder}/log", "-w", "start"], core)
        stack.callback(_run, [programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"], core)
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        _run([programs / "psql", "-q", "-h", "127.0.0.1", "-p", str(port), "-c", _TABLES.format(rows=ROWS)], core)
        _run([programs / "psql", "-q", "-h", "127.0.0.1", "-p", str(port), "-c", "VACUUM ANALYZE items"], core)
        yield url


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        system_program("postgresql", print)
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        raise InstallFailed(
            "there is no PostgreSQL server under /usr/lib/postgresql; as root: apt-get install postgresql"
        )
    return found[-1].parent


def _run(command: list[str | Path], core: int | None) -> None:
    """As PostgreSQL's own user where this is root, whom it does not serve."""
    owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*owner, *map(str, command)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=pin(core),
        cwd="/",
    )
    if done.returncode:
        raise InstallFailed(f"{Path(str(command[0])).name} failed: {(done.stderr or done.stdout).strip()[-200:]}")
