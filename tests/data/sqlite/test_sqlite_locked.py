"""Another process writes, and does not end: who wants to write is told so at the deadline, and readers go on."""

import sqlite3
import time
from collections import Counter
from pathlib import Path

from sqlalchemy import text

from stanchion import App
from stanchion.testing import Client

PATHS = ("/statement", "/transaction", "/session")


def test_writers_wait_for_another_process_until_their_deadline(tmp_path: Path) -> None:
    app = App("locked", timeout=0.3)
    database = app.database(f"sqlite:///{tmp_path}/test.db")
    sessions = database.sqlalchemy()

    @app.lifespan
    async def tables(app: App):  # type: ignore[no-untyped-def]
        await database.execute("CREATE TABLE notes (id integer PRIMARY KEY)")
        yield

    @app.post("/statement")
    async def statement() -> int:
        return await database.execute("INSERT INTO notes DEFAULT VALUES")

    @app.post("/transaction")
    async def transaction() -> int:
        async with database.transaction() as statements:
            return await statements.execute("INSERT INTO notes DEFAULT VALUES")

    @app.post("/session")
    async def session() -> int:
        async with sessions.begin() as session:
            await session.execute(text("INSERT INTO notes DEFAULT VALUES"))
        return 1

    @app.get("/count", timeout=5)
    async def count() -> int | None:
        return await database.one(int, "SELECT count(*) FROM notes")

    with Client(app) as client:
        other = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        answers = [client.post(path) for path in PATHS * 4]
        assert time.monotonic() - began < 8  # of the ten seconds that a statement without a deadline would wait
        found = Counter((answer.status, answer.json()["code"]) for answer in answers)
        assert set(found) <= {(503, "database-unavailable"), (504, "database-timeout"), (504, "deadline-exceeded")}
        assert found[503, "database-unavailable"] > 6  # there are 10 ms to say so, and the machine has pauses
        assert client.get("/count").body == b"0"
        other.execute("ROLLBACK")
        other.close()
        assert [client.post(path).status for path in PATHS] == [200, 200, 200]
