"""Pages over HTTP: a client follows links, and what a cursor is worth elsewhere."""

import re
from pathlib import Path
from typing import Any

from msgspec import Struct

from stanchion import App, Page, PageQuery, Settings
from stanchion.testing import Client

SECRET = "s" * 32


class Flight(Struct):
    id: int
    dest: str
    delay: int | None


def app_of(folder: Path) -> App:
    app = App("flights")
    database = app.database(f"sqlite:///{folder}/flights.db")

    @app.lifespan
    async def filled(app: App) -> Any:
        await database.execute(
            "CREATE TABLE IF NOT EXISTS flights (id integer PRIMARY KEY, dest text NOT NULL, delay integer)"
        )
        if not await database.one(int, "SELECT count(*) FROM flights"):
            for number in range(1, 24):
                await database.insert(Flight(number, "LAX" if number % 2 else "SFO", number % 5 or None))
        yield

    @app.get("/flights")
    async def flights(dest: str, page: PageQuery) -> Page[Flight]:
        sql = "SELECT * FROM flights WHERE dest = $1"
        return await database.page(Flight, page, sql, dest, order=("-delay nulls last", "id"))

    @app.get("/late")
    async def late(dest: str, page: PageQuery) -> Page[Flight]:
        return await database.page(Flight, page, "SELECT * FROM flights WHERE dest = $1", dest, order=("-id",))

    return app


def links(response: Any) -> dict[str, str]:
    return {relation: path for path, relation in re.findall(r'<([^>]*)>; rel="(\w+)"', response.headers["link"])}


def test_links_lead_there_and_back(tmp_path: Path) -> None:
    with Client(app_of(tmp_path)) as client:
        response = client.get("/flights?dest=LAX&limit=5")
        first, pages = response.json(), [response.json()]
        assert set(links(response)) == {"next", "first"}
        while "next" in links(response):
            assert links(response)["next"] == pages[-1]["next"]
            response = client.get(links(response)["next"])
            pages.append(response.json())
        found = [(item["delay"], item["id"]) for page in pages for item in page["items"]]
        assert [len(page["items"]) for page in pages] == [5, 5, 2]
        assert found == sorted(found, key=lambda each: (-(each[0] or 0), each[1]))
        assert {item[1] for item in found} == set(range(1, 24, 2))
        for page in reversed(pages[:-1]):
            response = client.get(links(response)["prev"])
            assert response.json() == page
        assert client.get(links(client.get(first["next"]))["first"]).json() == first


def test_a_cursor_is_refused_elsewhere(tmp_path: Path) -> None:
    with Client(app_of(tmp_path)) as client:
        path = client.get("/flights?dest=LAX&limit=5").json()["next"]
        assert client.get(path.replace("limit=5", "limit=6")).status == 200  # a limit may change
        for other in (path.replace("LAX", "SFO"), path.replace("/flights", "/late"), "/late?dest=LAX&cursor=no"):
            refused = client.get(other)
            assert (refused.status, refused.json()["code"]) == (400, "invalid-cursor")
        refused = client.get("/flights?dest=LAX&limit=1000")
        assert (refused.status, refused.json()["errors"][0]["location"]) == (422, "query.limit")


def test_cursors_outlive_a_server_that_has_a_secret(tmp_path: Path) -> None:
    def status(path: str, settings: Settings) -> int:
        with Client(app_of(tmp_path), settings=settings) as client:
            return client.get(path).status

    with Client(app_of(tmp_path), settings=Settings(secret=SECRET)) as client:
        sealed = client.get("/flights?dest=LAX&limit=5").json()["next"]
    assert status(sealed, Settings(secret=SECRET)) == 200
    assert status(sealed, Settings(secret="another" * 4)) == 400
    assert status(sealed, Settings()) == 400
