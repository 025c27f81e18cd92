"""What a client is told whose request's time is over while the database works: that it was the database."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from stanchion import App
from stanchion.testing import Client
from tests.data.postgres_server import PostgresServer, needs_postgres

SLOW = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000) SELECT max(i) FROM n"
ATTEMPTS = 8


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=needs_postgres)])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Client]:
    """Of an app with routes that ask too much."""
    url = f"sqlite:///{tmp_path}/test.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").url
    app = App("slow", timeout=0.2)
    database = app.database(url, connections=8)

    @app.get("/one")
    async def one() -> int | None:
        return await database.one(int, SLOW)

    @app.get("/changed")
    async def changed() -> int:
        return await database.execute(SLOW)

    @app.get("/transaction")
    async def transaction() -> int | None:
        async with database.transaction() as statements:
            return await statements.one(int, SLOW)

    @app.get("/stream")
    async def stream() -> list[int]:
        return [number async for number in database.stream(int, SLOW)]

    @app.get("/quick", timeout=5)
    async def quick() -> int | None:
        return await database.one(int, "SELECT 1")

    with Client(app) as client:
        yield client


def codes(client: Client, path: str) -> Counter[tuple[int, str]]:
    answers = [client.get(path) for _ in range(ATTEMPTS)]
    return Counter((answer.status, answer.json()["code"]) for answer in answers)


@pytest.mark.parametrize("path", ["/one", "/changed"])
def test_that_a_statement_was_late_is_told(client: Client, path: str) -> None:
    found = codes(client, path)
    late = found[504, "database-timeout"]
    assert late + found[504, "deadline-exceeded"] == ATTEMPTS
    assert late > ATTEMPTS / 2  # it has 10 ms to say so, and the machine has pauses
    assert client.get("/quick").body == b"1"


@pytest.mark.parametrize("path", ["/transaction", "/stream"])
def test_a_transaction_may_take_what_is_left_to_be_undone(client: Client, path: str) -> None:
    found = codes(client, path)
    assert set(found) <= {(504, "database-timeout"), (504, "deadline-exceeded"), (503, "database-busy")}
    assert found[503, "database-busy"] < ATTEMPTS / 2
    assert client.get("/quick").body == b"1"


@needs_postgres
def test_what_a_frozen_server_is_told_as(mortal: PostgresServer) -> None:
    """A statement's time is over; then connections are taken until they are closed; then there are no new ones."""
    app = App("frozen", timeout=0.5)
    database = app.database(mortal.url, connections=4)

    @app.get("/")
    async def one() -> int | None:
        return await database.one(int, "SELECT 1")

    with Client(app) as client:
        assert client.get("/").status == 200
        mortal.freeze()
        try:
            found = codes(client, "/")
        finally:
            mortal.thaw()
    named = {(504, "database-timeout"), (503, "database-busy"), (503, "database-unavailable")}
    assert sum(found[outcome] for outcome in named) >= ATTEMPTS - 2
    assert set(found) <= named | {(504, "deadline-exceeded")}
    assert found[504, "database-timeout"] >= 1
