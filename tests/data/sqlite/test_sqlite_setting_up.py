"""A connection to a file that another process has locked just then: several workers make the file at the same time."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from stanchion.data.failures import DatabaseUnavailable
from stanchion.data.sqlite.connection import Threaded
from stanchion.data.sqlite.driver import SQLite
from stanchion.errors import ConfigurationError
from tests.data.conftest import LIMITS


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Someone who writes to a file that is not in WAL mode yet: others are told at once that they cannot change it."""
    connection = sqlite3.connect(tmp_path / "one.db", isolation_level=None, check_same_thread=False)
    connection.executescript("CREATE TABLE items (id); BEGIN IMMEDIATE; INSERT INTO items VALUES (1)")
    yield connection
    connection.close()


async def items(path: Path, patience: float) -> tuple[str, int]:
    """The file's journal mode, and how many items there are."""
    connection = Threaded(str(path), read_only=False, patience=patience)
    try:
        mode = await connection.run(lambda own: own.execute("PRAGMA journal_mode").fetchone())
        return mode[0], (await connection.run(lambda own: own.execute("SELECT count(*) FROM items").fetchone()))[0]
    finally:
        await connection.close()


def test_the_lock_is_waited_for(locked: sqlite3.Connection, tmp_path: Path) -> None:
    timer = threading.Timer(0.2, locked.execute, ["COMMIT"])
    timer.start()
    assert asyncio.run(items(tmp_path / "one.db", 5.0)) == ("wal", 1)
    timer.join()


def test_not_for_ever(locked: sqlite3.Connection, tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match="database is locked"):
        asyncio.run(items(tmp_path / "one.db", 0.1))
    locked.execute("COMMIT")
    assert asyncio.run(items(tmp_path / "one.db", 0.1)) == ("wal", 1)


@pytest.mark.parametrize("name", ["text.db", "folder", "nowhere/new.db"])
def test_what_can_be_no_file_of_sqlites_is_told_at_the_start(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.db").write_text("This is no database. " * 100)
    (tmp_path / "folder").mkdir()
    driver = SQLite(str(tmp_path / name), LIMITS)
    with pytest.raises(
        ConfigurationError, match=f"^the SQLite file {tmp_path / name}: (file is not|unable to open) .*"
    ):
        asyncio.run(driver.open(1))


def test_a_file_that_is_damaged_later_is_a_failure(tmp_path: Path) -> None:
    async def work() -> None:
        path = tmp_path / "one.db"
        writer = Threaded(str(path), read_only=False, patience=1.0)
        await writer.run(lambda own: own.executescript("CREATE TABLE items (id); INSERT INTO items VALUES (1)"))
        await writer.close()
        with path.open("r+b") as file:
            file.write(b"x" * 4096)
        other = Threaded(str(path), read_only=True, patience=1.0)
        with pytest.raises(DatabaseUnavailable, match="file is not a database"):
            await other.run(lambda own: own.execute("SELECT * FROM items").fetchall())
        await other.close()

    asyncio.run(work())
