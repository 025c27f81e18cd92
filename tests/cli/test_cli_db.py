"""`stanchion db advise` on a served app: it finds what was planted, and nothing in a clean database."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stanchion.data.options import DatabaseOptions, database_of
from tests.cli.processes import Mistake, Stanchion
from tests.cluster.conftest import Serve
from tests.cluster.running import Server, until
from tests.data.postgres_server import PostgresServer, needs_postgres
from tests.data.shop import on_server

_APP = """
import asyncio
from msgspec import Struct
from stanchion import App

app = App("airline")
db = app.database("URL", connections=8)

class Flight(Struct):
    id: int
    dest: str
    day: str

db.table(Flight, "flights", key="id")

@app.lifespan
async def tables(app):
    if await db.one(int, "SELECT count(*) FROM flights") == 0:
        raise RuntimeError("the test fills it")
    yield

@app.get("/to/{dest}")
async def to(dest: str) -> int:
    return len(await db.all(Flight, "SELECT id, dest, day FROM flights WHERE dest = $1 ORDER BY id", dest))

@app.get("/latest/{dest}")
async def latest(dest: str) -> list[Flight]:
    query = "SELECT id, dest, day FROM flights WHERE dest = $1 ORDER BY day DESC LIMIT $2"
    return await db.all(Flight, query, dest, 5)

@app.get("/loop")
async def loop() -> int:
    return len([await db.get(Flight, number) for number in range(1, 16)])

@app.get("/flights/{id}")
async def flight(id: int) -> Flight:
    return await db.get(Flight, id)

@app.get("/together")
async def together() -> int:
    return len(await asyncio.gather(*(db.get(Flight, number) for number in range(1, 16))))
"""
ROWS = 20_000
_TABLE = (
    "CREATE TABLE flights (id integer PRIMARY KEY, dest text NOT NULL, day text NOT NULL, seats integer NOT NULL)",
    "CREATE INDEX flights_seats_idx ON flights (seats)",
)
_ROW = "'to' || (n % 500), 'day ' || (n * 7919 % 1000), n % 300"
_GOOD = "CREATE INDEX flights_dest_day_idx ON flights (dest, day)"


@pytest.fixture(scope="module")
def mortal() -> Iterator[PostgresServer]:
    server = PostgresServer("-c", "shared_preload_libraries=pg_stat_statements")
    yield server
    server.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=needs_postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a database with a table of flights, in which no index helps, and one is of no use."""
    if request.param == "sqlite":
        made = f"sqlite:///{tmp_path}/airline.db"
        numbers = f"WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS}) SELECT n,"
    else:
        server: PostgresServer = request.getfixturevalue("mortal")
        made = server.url
        change(made, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
        numbers = "SELECT n,"
    fill = f"INSERT INTO flights {numbers} {_ROW} FROM {'n' if request.param == 'sqlite' else _series()}"
    change(made, *_TABLE, fill, "ANALYZE")
    return made


def _series() -> str:
    return f"generate_series(1, {ROWS}) AS n"


def change(url: str, *statements: str) -> None:
    """Run statements."""

    async def run() -> None:
        database = database_of("test", url, DatabaseOptions(patience=60))
        await database.driver.open(1)
        for statement in statements:
            await database.execute(statement)
        await database.driver.close()

    asyncio.run(run())


def served(serve: Serve, folder: Path, url: str, *paths: str) -> Server:
    """A server of the app that was asked for these."""
    (folder / "app.py").write_text(_APP.replace("URL", url))
    server = serve("--workers", "2")
    for path in paths:
        assert server.get(path)[0] == 200
    return server


def advised(server: Server, *arguments: str) -> dict[str, Any]:
    [advice] = json.loads(server.command("db", "advise", "app:app", "--json", *arguments, check=True).stdout)
    assert advice["unexplained"] == {}
    found: dict[str, Any] = advice
    return found


def by_kind(advice: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = {finding["kind"]: finding for finding in advice["findings"]}
    assert len(found) == len(advice["findings"]), advice
    return found


def test_it_finds_what_was_planted(serve: Serve, tmp_path: Path, url: str) -> None:
    paths = ("/to/to7", "/to/to8", "/latest/to7", "/loop", "/together", "/flights/7")
    server = served(serve, tmp_path, url, *paths)
    copy = "" if url.startswith("sqlite") else url  # the whole of what is tried is undone
    found = by_kind(advised(server, "--copy", *([copy] if copy else [])))
    assert set(found) == {"missing index", "unused index", "repeated statement"}

    missing = found["missing index"]
    concurrently = "" if url.startswith("sqlite") else "CONCURRENTLY "
    assert missing["do"] == (f'CREATE INDEX {concurrently}"flights_dest_day_idx" ON "flights" ("dest", "day")')
    assert (missing["calls"], missing["routes"]) == (3, ["GET /latest/{dest}", "GET /to/{dest}"])
    assert missing["why"].startswith("all 20,000 rows of flights are read to find")
    assert len(missing["gain"]) == 2
    for gain in missing["gain"]:
        assert gain["before"] > 5 * gain["after"]

    assert found["unused index"]["subject"] == "flights_seats_idx"
    assert found["unused index"]["do"] == f'DROP INDEX {concurrently}"flights_seats_idx"'
    assert found["repeated statement"]["routes"] == ["GET /loop"]
    assert "up to 15 times" in found["repeated statement"]["why"]
    assert "get_many" in found["repeated statement"]["do"]

    told = server.command("db", "advise", "app:app", check=True).stdout
    assert "missing index" in told
    assert "flights (dest, day)" in told
    assert "\x1b" not in told  # no terminal, no colour


def test_it_finds_nothing_in_a_clean_database(serve: Serve, tmp_path: Path, url: str) -> None:
    change(url, "DROP INDEX flights_seats_idx", _GOOD, "ANALYZE")
    server = served(serve, tmp_path, url, "/to/to7", "/latest/to7", "/together", "/flights/7")
    advice = advised(server)
    assert advice["findings"] == []
    assert advice["statements"] >= 4
    assert "nothing to advise" in server.command("db", "advise", "app:app", check=True).stdout


def test_status_and_ps_tell_of_databases(serve: Serve, tmp_path: Path, url: str) -> None:
    server = served(serve, tmp_path, url, "/to/to7", "/loop", "/together")

    def all_is_counted() -> bool:
        counts: dict[str, int] = server.status()["databases"]["main"]
        return counts["repeated"] == 1 and counts["statements"] == 2 + 1 + 15 + 1

    until(all_is_counted)  # workers bring counts to the board ten times a second
    [selects] = [one for one in server.status()["statements"] if (one["verb"], one["table"]) == ("select", "flights")]
    assert (selects["database"], selects["repeated"], selects["failed"]) == ("main", 1, 0)
    assert selects["rows"] >= 15 + 15 + 40
    lines = server.command("ps", "--routes", check=True).stdout.splitlines()
    assert any(line.split()[:3] == ["Database", "Connections", "In"] for line in lines)
    assert any(line.split()[:3] == ["main", "select", "flights"] for line in lines)


@needs_postgres
def test_without_a_server_the_extension_tells_of_statements(
    stanchion: Stanchion, tmp_path: Path, mortal: PostgresServer
) -> None:
    change(mortal.url, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public", *_TABLE)
    change(mortal.url, f"INSERT INTO flights SELECT n, {_ROW} FROM {_series()}", "ANALYZE")
    change(mortal.url, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements", "SELECT pg_stat_statements_reset()")
    change(mortal.url, "SELECT id FROM flights WHERE day = 'day 7'")
    (tmp_path / "app.py").write_text(_APP.replace("URL", mortal.url))
    done = stanchion("db", "advise", "app:app", "--json", cwd=tmp_path, XDG_RUNTIME_DIR=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    [advice] = json.loads(done.stdout)
    missing = by_kind(advice)["missing index"]
    assert missing["subject"] == "flights (day)"
    assert missing["calls"] == 1


@needs_postgres
def test_without_a_copy_hypopg_tells_of_costs(stanchion: Stanchion, tmp_path: Path, mortal: PostgresServer) -> None:
    if not on_server(mortal.url, "SELECT count(*) FROM pg_available_extensions WHERE name = 'hypopg'"):
        pytest.skip("this PostgreSQL has no hypopg (the package postgresql-15-hypopg, by its version)")
    change(mortal.url, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public", *_TABLE)
    change(mortal.url, f"INSERT INTO flights SELECT n, {_ROW} FROM {_series()}", "ANALYZE", "CREATE EXTENSION hypopg")
    change(mortal.url, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements", "SELECT pg_stat_statements_reset()")
    change(mortal.url, "SELECT id FROM flights WHERE day = 'day 7'")
    (tmp_path / "app.py").write_text(_APP.replace("URL", mortal.url))
    done = stanchion("db", "advise", "app:app", cwd=tmp_path, XDG_RUNTIME_DIR=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"missing index +flights \(day\) .* [\d.]+ x cost\n", done.stdout)
    assert re.search(r"gain: cost \d+ to \d+ for SELECT id FROM flights WHERE day = ", done.stdout)


def test_a_statement_that_the_database_does_not_take_any_more(serve: Serve, tmp_path: Path, url: str) -> None:
    server = served(serve, tmp_path, url, "/to/to7", "/flights/7")
    change(url, "ALTER TABLE flights RENAME COLUMN day TO date")
    done = server.command("db", "advise", "app:app", check=True)
    assert "not explained: SELECT id, dest, day FROM flights" in done.stdout
    assert "day" in done.stdout.partition("not explained")[2].splitlines()[1]  # the database's own words


def test_connections_that_the_server_does_not_have(
    stanchion: Stanchion, tmp_path: Path, mortal: PostgresServer
) -> None:
    (tmp_path / "app.py").write_text(_APP.replace('"URL", connections=8', f'"{mortal.url}", connections=5000'))
    done = stanchion("db", "advise", "app:app", cwd=tmp_path, XDG_RUNTIME_DIR=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "connections=5000" in done.stdout
    assert "max_connections 100 - 3 reserved" in done.stdout
    assert "no statement is known: start `stanchion serve app:app`" in done.stdout


def test_mistakes_are_one_line(mistake: Mistake, tmp_path: Path) -> None:
    app, private = tmp_path / "app.py", {"XDG_RUNTIME_DIR": str(tmp_path)}
    app.write_text("from stanchion import App\napp = App('plain')")
    assert "has no database; declare one" in mistake("db", "advise", "app:app", cwd=tmp_path, **private)
    app.write_text(_APP.replace("URL", f"sqlite:///{tmp_path}/air.db"))
    told = mistake("db", "advise", "app:app", "--database", "other", cwd=tmp_path, **private)
    assert "no database 'other'; the app has main" in told
    app.write_text(_APP.replace("URL", "postgresql://postgres@127.0.0.1:1/none"))
    assert "the database does not answer" in mistake("db", "advise", "app:app", cwd=tmp_path, **private)
    assert "advise" in mistake("db", cwd=tmp_path, **private)


def test_a_revision_is_written_filled_in_and_applied(stanchion: Stanchion, mistake: Mistake, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("from stanchion import App\napp = App('a')\napp.database('sqlite:///a.db')\n")
    assert "no folder migrations" in mistake("db", "migrate", "app:app", cwd=tmp_path)
    written = stanchion("db", "revision", "create seats", cwd=tmp_path)
    assert (written.stdout, written.stderr) == ("migrations/0001_create_seats.py\n", "")
    path = tmp_path / "migrations" / "0001_create_seats.py"
    path.write_text(path.read_text().replace('op.execute("""', 'op.execute("""CREATE TABLE seats (id integer)'))
    for told in ("applied 0001 create seats\n", "nothing to apply: the schema is up to date\n"):
        done = stanchion("db", "migrate", "app:app", cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, told, "")
    with (tmp_path / "app.py").open("a") as app:
        app.write("app.database('sqlite:///b.db', name='other')\n")
    assert "the app has main, other; name one with --database" in mistake("db", "migrate", "app:app", cwd=tmp_path)
    assert stanchion("db", "migrate", "app:app", "--database", "other", cwd=tmp_path).stdout.startswith("applied 0001")
