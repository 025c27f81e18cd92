"""`stanchion serve` with a budget that the server cannot keep, or a database that refuses: one line, exit code 2."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.conftest import Serve, serve
from tests.data.postgres_server import PostgresServer, needs_postgres

pytestmark = needs_postgres
__all__ = ["serve"]  # a fixture
APP = """
from stanchion import App

app = App("shop")
database = app.database({url!r}, connections={connections})


@app.get("/")
async def one() -> int | None:
    return await database.one(int, "SELECT 1")
"""


@pytest.fixture(scope="module")
def small() -> Iterator[PostgresServer]:
    server = PostgresServer("-c", "max_connections=30", "-c", "superuser_reserved_connections=3")
    yield server
    server.close()


def written(folder: Path, url: str, connections: int) -> None:
    (folder / "app.py").write_text(APP.format(url=url, connections=connections))


def refused(serve: Serve, *flags: str) -> str:
    server = serve(*flags, wait=False)
    assert server.ended(30) == 2, server.errors
    assert (server.output, server.errors.count("\n")) == ("", 1), server.errors
    return server.errors.removeprefix("stanchion: ").rstrip("\n")


def test_more_connections_than_the_server_gives(serve: Serve, small: PostgresServer, tmp_path: Path) -> None:
    written(tmp_path, small.url, 60)
    (tmp_path / "stanchion.toml").write_text("instances = 2\n")
    assert refused(serve, "--workers", "2") == (
        "the database gives 27 connections (max_connections 30 - 3 reserved - 0 in use by others), and 10 for each of "
        "6 processes: (2 workers + 1 while one is replaced) x 2 instances are 60; declare connections=27 or fewer, "
        "raise max_connections, or put PgBouncer in between"
    )


def test_as_many_as_it_gives(serve: Serve, small: PostgresServer, tmp_path: Path) -> None:
    written(tmp_path, small.url, 27)
    (tmp_path / "stanchion.toml").write_text("instances = 2\n")
    assert serve("--workers", "2").get("/") == (200, b"1")


def test_fewer_than_there_are_processes(serve: Serve, small: PostgresServer, tmp_path: Path) -> None:
    written(tmp_path, small.url, 2)
    assert refused(serve, "--workers", "2").startswith("connections=2 for 3 processes: (2 workers + 1 while one is")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("postgres@", "nobody@", 'the database refuses: role "nobody" does not exist; see user, password and name'),
        ("/postgres", "/none", 'the database refuses: database "none" does not exist; see user, password and name'),
    ],
)
def test_what_the_server_does_not_let_in(
    serve: Serve, small: PostgresServer, tmp_path: Path, old: str, new: str, why: str
) -> None:
    written(tmp_path, new.join(small.url.rsplit(old, 1)), 20)
    assert refused(serve, "--workers", "1").startswith(why)
