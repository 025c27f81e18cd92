"""A served app with PostgreSQL: rows, and what there is instead."""

import json
from collections.abc import Iterator

import pytest

from stanchion import App
from tests.data.postgres_server import PostgresServer, needs_postgres
from tests.data.shop import Item, asked, problem, shop
from tests.wire.client import post
from tests.wire.serving import Serving

pytestmark = needs_postgres


@pytest.fixture
def served(postgres: PostgresServer) -> Iterator[Serving]:
    serving = Serving("uvloop", shop(postgres.url))
    yield serving
    assert serving.stop() == []


def test_rows_and_what_there_is_instead(served: Serving) -> None:
    with served.connect() as client:
        assert json.loads(asked(client, "/items/1").body) == {"id": 1, "name": "one"}
        assert problem(asked(client, "/items/2")) == (404, "not-found")
        assert problem(asked(client, f"/items/{2**40}")) == (422, "value-refused")
        body = json.dumps({"id": 3, "name": "one"}).encode()
        clash = client.send(post("/items", body, "content-type: application/json")).answer()
        assert problem(clash) == (409, "constraint-violated")
        assert "items_name_key" in json.loads(clash.body)["detail"]


def test_an_app_starts_without_its_database() -> None:
    app = App("alone")
    database = app.database("postgresql://postgres@127.0.0.1:1/none", connections=4)

    @app.get("/items/{id}")
    async def item(id: int) -> Item:
        return await database.get(Item, id)

    serving = Serving("uvloop", app)
    try:
        with serving.connect() as client:
            assert problem(asked(client, "/items/1")) == (503, "database-unavailable")
    finally:
        assert serving.stop() == []
