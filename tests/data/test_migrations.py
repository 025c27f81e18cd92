"""Revisions of a schema on both databases: applied once, in order, all or none, and by one at a time."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stanchion.data.migrations.migrating import migrate, new_revision
from stanchion.data.options import DatabaseOptions, database_of
from stanchion.errors import ConfigurationError
from tests.data.conftest import run
from tests.data.postgres_server import PostgresServer, needs_postgres

_BOOKS = "CREATE TABLE books (id integer PRIMARY KEY, title text NOT NULL)"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=needs_postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/books.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    asked(server.url, "DROP SCHEMA public CASCADE")
    asked(server.url, "CREATE SCHEMA public")
    return server.url


def asked(url: str, statement: str) -> list[Any]:
    found: list[Any] = []

    async def ask() -> None:
        database = database_of("test", url, DatabaseOptions())
        await database.driver.open(1)
        try:
            found.extend(tuple(row) for row in (await database.driver.fetch(statement, ())).rows)
        finally:
            await database.driver.close()

    run(ask)
    return found


def revision(folder: Path, message: str, *statements: str, apart: bool = False) -> None:
    """A revision with these statements, each in no transaction if they are to be `apart`."""
    path = new_revision(folder, message)
    lines = "\n".join(f'        op.execute("""{statement}""")' for statement in statements)
    block = "with op.get_context().autocommit_block():" if apart else "if True:"
    head = path.read_text(encoding="utf-8").partition("def upgrade")[0]
    path.write_text(f"{head}def upgrade() -> None:\n    {block}\n{lines}\n", encoding="utf-8")


def migrated(url: str, folder: Path, to: str = "head") -> list[str]:
    async def bounded() -> list[str]:
        async with asyncio.timeout(60):
            return await migrate(url, folder, to)

    return asyncio.run(bounded())


def test_each_is_applied_once_and_in_order(url: str, tmp_path: Path) -> None:
    folder = tmp_path / "of the schema 100%" / "revisions"
    revision(folder, "Create books", _BOOKS)
    revision(
        folder, "books have pages", "ALTER TABLE books ADD COLUMN pages integer", "INSERT INTO books VALUES (1, 'a', 7)"
    )
    assert sorted(path.name for path in folder.glob("*.py")) == ["0001_create_books.py", "0002_books_have_pages.py"]
    assert migrated(url, folder, "0001") == ["0001 Create books"]
    assert migrated(url, folder) == ["0002 books have pages"]
    assert migrated(url, folder) == []
    assert asked(url, "SELECT id, title, pages FROM books") == [(1, "a", 7)]
    revision(folder, "more", "INSERT INTO books VALUES (2, 'b', 8)")
    assert migrated(url, folder) == ["0003 more"]


def test_all_or_none(url: str, tmp_path: Path) -> None:
    revision(tmp_path / "m", "books", _BOOKS)
    revision(tmp_path / "m", "wrong", "INSERT INTO books VALUES (1, 'a')", "ALTER TABLE gone ADD COLUMN pages integer")
    with pytest.raises(ConfigurationError, match=r"refused to migrate after 0001 books, which is undone.*gone"):
        migrated(url, tmp_path / "m")
    revision(tmp_path / "other", "books", _BOOKS)  # it is not there
    assert migrated(url, tmp_path / "other") == ["0001 books"]


def test_of_two_one_waits_and_finds_it_done(url: str, tmp_path: Path) -> None:
    for number in range(1, 4):
        revision(tmp_path / "migrations", f"books {number}", _BOOKS.replace("books", f"books{number}"))
    (tmp_path / "app.py").write_text(f"from stanchion import App\napp = App('books')\napp.database({url!r})\n")
    command = [sys.executable, "-m", "stanchion", "db", "migrate", "app:app"]
    both = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = sorted(process.communicate(timeout=60)[0] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert told == [
        "applied 0001 books 1\napplied 0002 books 2\napplied 0003 books 3\n",
        "nothing to apply: the schema is up to date\n",
    ]


@needs_postgres
def test_an_index_that_is_made_while_others_write(postgres: PostgresServer, tmp_path: Path) -> None:
    asked(postgres.url, "DROP SCHEMA public CASCADE")
    asked(postgres.url, "CREATE SCHEMA public")
    revision(tmp_path / "m", "books", _BOOKS)
    revision(tmp_path / "m", "index", "CREATE INDEX CONCURRENTLY books_title_idx ON books (title)", apart=True)
    assert len(migrated(postgres.url, tmp_path / "m")) == 2
    assert migrated(postgres.url, tmp_path / "m") == []
    assert asked(postgres.url, "SELECT indexname::text FROM pg_indexes WHERE indexname = 'books_title_idx'")


@pytest.mark.parametrize(
    ("url", "to", "why"),
    [
        ("sqlite://:memory:", "head", "in memory"),
        ("postgresql://postgres@127.0.0.1:1/none", "head", "refused to migrate: .*Connect"),
        ("sqlite:///{folder}/books.db", "0009", "No such revision|Can't locate"),
        ("sqlite:///{folder}/no/such/folder/books.db", "head", "unable to open database file"),
    ],
)
def test_mistakes(url: str, to: str, why: str, tmp_path: Path) -> None:
    revision(tmp_path / "m", "books", _BOOKS)
    with pytest.raises(ConfigurationError, match=why):
        migrated(url.replace("{folder}", str(tmp_path)), tmp_path / "m", to)
    with pytest.raises(ConfigurationError, match=r"no folder .*none; `stanchion db revision MESSAGE` makes it"):
        migrated(url, tmp_path / "none")
