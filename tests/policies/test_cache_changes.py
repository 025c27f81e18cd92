"""What ends an answer before its time: tags, app.invalidate, routes that write, unsafe methods of the same URL."""

from collections.abc import Iterator

import pytest

from stanchion import Cache, NotFound, Request, Response
from stanchion.errors import ConfigurationError
from stanchion.testing import Client
from tests.cache.clock import Clock
from tests.policies.counted import Counted


class Airports(Counted):
    """Answers with two tags each, and routes that change them."""

    def __init__(self) -> None:
        super().__init__()
        self.add("/airports/{iata}", Cache(ttl=600, tags=["airport:{iata}", "airports"]))
        self.add("/by-result/{iata}", Cache(ttl=600, tags=self._of_the_result), X_Tag="seen")
        self.add("/untagged", Cache(ttl=600))
        for method in ("PUT", "PATCH", "DELETE"):
            self.app.route(method, "/airports/{iata}", invalidates=["airport:{iata}"])(self._change)
        self.app.post("/refused/{iata}", invalidates=["airport:{iata}"])(self._refuse)
        self.app.post("/named/{tag}")(self._invalidate)

    @staticmethod
    def _of_the_result(request: Request, response: Response) -> list[str]:
        headers = response.headers or {}
        return [f"{headers['X-Tag']}:{request.path_params['iata']}"]

    async def _change(self, iata: str) -> str:
        return iata

    async def _refuse(self, iata: str) -> str:
        raise NotFound(iata)

    async def _invalidate(self, tag: str) -> str:
        await self.app.invalidate(tag)
        return tag


@pytest.fixture
def airports(clock: Clock) -> Airports:
    return Airports()


@pytest.fixture
def client(airports: Airports) -> Iterator[Client]:
    with Client(airports.app) as client:
        yield client


def texts(client: Client, *paths: str) -> list[str]:
    return [client.get(path).text for path in paths]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_route_that_writes_ends_what_it_names_and_nothing_else(client: Client, method: str) -> None:
    assert texts(client, "/airports/JFK", "/airports/EWR", "/airports/JFK?full") == ["call 1", "call 2", "call 3"]
    assert client.request(method, "/airports/JFK").status == 200
    assert texts(client, "/airports/JFK", "/airports/EWR", "/airports/JFK?full") == ["call 4", "call 2", "call 5"]


def test_a_write_that_fails_ends_nothing(client: Client) -> None:
    assert texts(client, "/airports/JFK") == ["call 1"]
    assert client.post("/refused/JFK").status == 404
    assert texts(client, "/airports/JFK") == ["call 1"]


def test_app_invalidate_ends_all_that_has_the_tag(client: Client) -> None:
    assert texts(client, "/airports/JFK", "/airports/EWR", "/untagged") == ["call 1", "call 2", "call 3"]
    client.post("/named/airports")
    assert texts(client, "/airports/JFK", "/airports/EWR", "/untagged") == ["call 4", "call 5", "call 3"]
    client.post("/named/airport:EWR")
    assert texts(client, "/airports/JFK", "/airports/EWR", "/untagged") == ["call 4", "call 6", "call 3"]


def test_tags_may_come_from_the_answer(client: Client) -> None:
    assert texts(client, "/by-result/JFK", "/by-result/EWR") == ["call 1", "call 2"]
    client.post("/named/seen:JFK")
    assert texts(client, "/by-result/JFK", "/by-result/EWR") == ["call 3", "call 2"]


def test_what_is_invalidated_while_it_is_made_is_not_kept(clock: Clock) -> None:
    origin = Counted()

    @origin.app.get("/", cache=Cache(ttl=600, tags=["tag"]))
    async def handler() -> Response:
        await origin.app.invalidate("tag")  # somebody wrote after this had read
        return origin.made()

    with Client(origin.app) as client:
        assert texts(client, "/", "/") == ["call 1", "call 2"]


def test_an_app_that_has_not_started_says_when_to_call(airports: Airports) -> None:
    work = airports.app.invalidate("airports")
    with pytest.raises(ConfigurationError, match="before the app started"):
        work.send(None)


@pytest.fixture
def written(clock: Clock) -> Counted:
    """Routes that have a cache by their app, none with `invalidates`."""
    origin = Counted(cache=Cache(ttl=600))
    origin.add("/item")
    origin.add("/other")

    def writes(method: str, path: str, status: int, **fields: str) -> None:
        async def handler() -> Response:
            return Response(b"", status=status, headers={name.replace("_", "-"): at for name, at in fields.items()})

        origin.app.route(method, path)(handler)

    for method in ("PUT", "PATCH", "DELETE"):
        writes(method, "/item", 204)
    writes("POST", "/item", 400)
    writes("POST", "/create", 201, Location="/item")
    writes("PUT", "/create", 200, Content_Location="http://testserver/item")
    writes("PATCH", "/create", 201, Location="http://elsewhere.example/item")
    writes("OPTIONS", "/item", 204)
    return origin


@pytest.mark.parametrize(
    ("method", "path", "ends"),
    [
        ("PUT", "/item", True),
        ("PATCH", "/item", True),
        ("DELETE", "/item", True),
        ("POST", "/item", False),  # it failed
        ("OPTIONS", "/item", False),  # it is safe
        ("POST", "/create", True),  # Location
        ("PUT", "/create", True),  # Content-Location
        ("PATCH", "/create", False),  # another origin's
    ],
)
def test_an_unsafe_method_ends_what_is_kept_of_its_url(written: Counted, method: str, path: str, ends: bool) -> None:
    with Client(written.app) as client:
        assert texts(client, "/item", "/other") == ["call 1", "call 2"]
        client.request(method, path)
        assert texts(client, "/item", "/other") == ["call 3" if ends else "call 1", "call 2"]


def test_what_is_at_hand_of_a_hit_ends_too(client: Client) -> None:
    """Hits that many ask for are answered before a request is made; the tag is looked at there as well."""
    for turn in range(1, 4):
        assert texts(client, *["/airports/JFK"] * 5) == [f"call {turn}"] * 5
        client.put("/airports/JFK")
