"""The app as a user meets it, through the real wire layer."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec import Struct

from stanchion import After, App, Before, NotFound, Request, Response, Router, Settings
from stanchion.errors import ConfigurationError, RouteConflict, RouteError
from stanchion.testing import Client


class Item(Struct):
    id: int
    name: str


class Store:
    def __init__(self) -> None:
        self.open = True


def shop() -> App:
    app = App("shop", version="2.0")

    @app.lifespan
    async def lifespan(app: App) -> AsyncIterator[None]:
        store = Store()
        app.provide(Store, store)
        app.state.store = store
        yield
        store.open = False

    @app.get("/items/{id}")
    async def item(id: int) -> Item:
        if id == 0:
            raise NotFound("no item has this id", item=id)
        return Item(id, f"item {id}")

    @app.post("/items", status=201)
    async def create(body: Item, request: Request) -> Response:
        return Response(body, status=201, headers={"Location": request.app.url_for("item", id=body.id)})

    @app.get("/open")
    async def is_open(store: Store) -> bool:
        return store.open

    @app.get("/boom")
    async def boom() -> str:
        raise RuntimeError("secret")

    return app


def test_a_typed_route() -> None:
    with Client(shop()) as client:
        result = client.get("/items/7")
    assert (result.status, result.json()) == (200, {"id": 7, "name": "item 7"})
    assert result.headers["content-type"] == "application/json"


def test_a_created_item_and_its_url() -> None:
    with Client(shop()) as client:
        result = client.post("/items", json={"id": 3, "name": "x"})
    assert (result.status, result.headers["location"]) == (201, "/items/3")


def test_errors_are_problem_documents() -> None:
    with Client(shop()) as client:
        missing = client.get("/items/0")
        invalid = client.get("/items/x")
        malformed = client.post("/items", body=b"{", headers={"content-type": "application/json"})
    assert missing.headers["content-type"] == "application/problem+json"
    assert missing.json()["code"] == "not-found"
    assert missing.json()["item"] == 0
    assert invalid.status == 422
    assert [error["location"] for error in invalid.json()["errors"]] == ["path.id"]
    assert (malformed.status, malformed.json()["code"]) == (400, "malformed-json")


def test_an_unexpected_exception_is_logged_once_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR), Client(shop()) as client:
        result = client.get("/boom")
    problem = result.json()
    assert (result.status, problem["code"]) == (500, "internal-error")
    assert "secret" not in result.text
    assert result.headers["x-request-id"] == problem["request_id"]
    records = [record for record in caplog.records if record.exc_info]
    assert len(records) == 1
    assert problem["request_id"] in records[0].getMessage()


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/nowhere", 404, None),
        ("DELETE", "/items/1", 405, "GET, HEAD, OPTIONS"),
        ("OPTIONS", "/items/1", 204, "GET, HEAD, OPTIONS"),
        ("OPTIONS", "/nowhere", 404, None),
    ],
)
def test_what_has_no_route(method: str, path: str, status: int, allow: str | None) -> None:
    with Client(shop()) as client:
        result = client.request(method, path)
    assert (result.status, result.headers.get("allow")) == (status, allow)


def test_head_is_get_without_its_body() -> None:
    with Client(shop()) as client:
        head, get = client.head("/items/7"), client.get("/items/7")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(get.body))


def test_lifespan_and_resources() -> None:
    app = shop()
    with Client(app) as client:
        assert client.get("/open").json() is True
    assert app.state.store.open is False


def test_a_resource_nothing_provides_stops_the_start() -> None:
    app = App("lacking")

    @app.get("/")
    async def index(store: Store) -> str:
        return "never"

    with pytest.raises(ConfigurationError, match=r"app\.provide\(Store"), Client(app):
        pass


def test_a_lifespan_that_fails_stops_the_start_in_one_line() -> None:
    app = App("failing")

    @app.lifespan
    async def connect(app: App) -> AsyncIterator[None]:
        raise OSError("no route to the database")
        yield

    with pytest.raises(ConfigurationError, match="lifespan connect failed at start: OSError: no route"), Client(app):
        pass


def test_conflicting_routes_name_both() -> None:
    app = App("conflict")
    app.get("/a/{x}")(_request)
    app.get("/a/{y}")(_request)
    with pytest.raises(RouteConflict, match=r"/a/\{[xy]\} and GET /a/\{[xy]\}"):
        app.compile()


async def _text() -> str:
    return "text"


async def _request(request: Request) -> str:
    return request.path


def test_a_timeout_answers_504_and_cancels() -> None:
    import asyncio

    app, cancelled = App("slow", timeout=0.02), []

    @app.get("/slow")
    async def slow() -> str:
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise
        return "late"

    with Client(app) as client:
        result = client.get("/slow")
    assert (result.status, result.json()["code"], cancelled) == (504, "deadline-exceeded", [True])


def test_a_body_limit_of_a_route() -> None:
    app = App("limits", body_limit=10)

    @app.post("/small")
    async def small(body: bytes) -> int:
        return len(body)

    @app.post("/large", body_limit=1000)
    async def large(body: bytes) -> int:
        return len(body)

    with Client(app) as client:
        assert client.post("/small", body=b"x" * 10).json() == 10
        assert client.post("/small", body=b"x" * 11).status == 413
        assert client.post("/large", body=b"x" * 1000).json() == 1000


def test_hooks_around_a_handler() -> None:
    async def gate(request: Request) -> Response | None:
        return Response({"closed": True}, status=403) if "x-closed" in request.headers else None

    async def stamp(request: Request, response: Response) -> None:
        response.set_header("X-Stamp", request.method)

    app = App("hooks", policies=[Before(hook=gate)])
    app.get("/", policies=[After(hook=stamp)])(_text)
    with Client(app) as client:
        assert client.get("/").headers["x-stamp"] == "GET"
        refused = client.get("/", headers={"X-Closed": "1"})
    assert (refused.status, refused.json()) == (403, {"closed": True})


def test_a_hook_that_is_not_async_is_refused_at_start() -> None:
    app = App("hooks", policies=[Before(hook=lambda request: None)])  # type: ignore[arg-type,return-value]
    app.get("/")(_text)
    with pytest.raises(RouteError, match="async def"):
        app.compile()


def test_url_for_names_what_is_wrong() -> None:
    app = shop()
    assert app.url_for("item", id=5) == "/items/5"
    with pytest.raises(LookupError, match="0 templates"):
        app.url_for("nothing")


def test_openapi_and_docs_work_without_the_internet() -> None:
    with Client(shop()) as client:
        document = client.get("/openapi.json").json()
        page = client.get("/docs")
        assets = [part.split('"')[0] for part in page.text.split('="/docs/')[1:]]
        found: dict[str, Any] = {name: client.get(f"/docs/{name}") for name in assets}
    assert document["info"] == {"title": "shop", "version": "2.0"}
    assert set(document["paths"]) == {"/items/{id}", "/items", "/open", "/boom"}
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert assets
    assert all(result.status == 200 for result in found.values())


def test_docs_can_be_turned_off_and_overridden() -> None:
    with Client(shop(), Settings(docs=False)) as client:
        assert client.get("/docs").status == 404
    app = App("own")
    app.get("/docs")(_text)
    with Client(app) as client:
        assert client.get("/docs").text == "text"


def test_routers_are_served_under_their_prefix() -> None:
    app, router = App("r"), Router("/api")
    router.get("/x")(_text)
    app.include(router)
    with Client(app) as client:
        assert client.get("/api/x").text == "text"
        assert client.get("/x").status == 404


def test_a_resource_can_be_made_of_each_request() -> None:
    class Language(str):
        __slots__ = ()

    app = App("languages")
    app.provide(Language, lambda request: Language(request.headers.get("accept-language", "none")))

    @app.get("/")
    async def language(language: Language) -> str:
        return language

    with Client(app) as client:
        assert client.get("/", headers={"Accept-Language": "nl"}).text == "nl"


async def _made_late(request: Request) -> Store:
    return Store()


@pytest.mark.parametrize("value", [7, _made_late])
def test_what_cannot_be_given_is_refused_where_it_is_provided(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="provide an instance"):
        App("wrong").provide(Store, value)
