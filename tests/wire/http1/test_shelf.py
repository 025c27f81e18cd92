"""Hits that the wire layer keeps by target: what is answered from there, and what has to ask the cache again."""

import time
from collections.abc import Iterator
from typing import ClassVar

import pytest

from stanchion import App, Limit, Request, Response
from stanchion.http.hit import Hit
from stanchion.policies.base import Category, Policy
from stanchion.policies.runtime import Runtime
from stanchion.routing.route import Call, Gate, Route
from stanchion.wire.http1.shelf import Shelf
from tests.wire.client import Client, get
from tests.wire.live import LOOPS
from tests.wire.serving import Serving


class Kept(Policy, frozen=True, kw_only=True):
    """A cache of one response a target."""

    category: ClassVar[Category] = Category.CACHE
    store: "Store"

    @property
    def gates(self) -> bool:
        return True

    def wrap(self, call: Call, route: Route) -> Call:
        return call

    def install_gate(self, gate: Gate, route: Route, runtime: Runtime) -> Gate:
        return self.store.look_up


class Store:
    """Counts what it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.told = 0
        self.valid = self.there = True
        self.plain = True
        self.status = 200
        self.until = time.monotonic_ns() + 3_600_000_000_000
        self.born = time.time() - 7
        self.date: bytes | None = None

    def look_up(self, request: Request) -> Response:
        self.asked += 1
        coding = request.headers.get("accept-encoding", "none")
        return Hit(
            f"{request.path} {coding}".encode(),
            self.status,
            "text/plain",
            {"ETag": '"x"'} if self.date else {"ETag": '"x"', "Age": "7"},
            until=self.until,
            born=self.born,
            plain=self.plain,
            valid=lambda: self.valid,
            touch=lambda: self.there,
            count=self._count,
            fields=[(b"x-raw", b"\xe4"), (b"age", b"7")] if self.date else None,
            date=self.date,
        )

    def _count(self, number: int) -> None:
        self.told += number


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture(params=LOOPS)
def served(request: pytest.FixtureRequest, store: Store) -> Iterator[Serving]:
    app = App("kept")

    @app.get("/{name}", policies=[Kept(store=store)])
    async def kept(name: str) -> str:
        return name

    @app.get("/limited/{name}", policies=[Kept(store=store)], limit=Limit("100/min"))
    async def limited(name: str) -> str:
        return name

    serving = Serving(request.param, app)
    yield serving
    assert serving.stop() == []


@pytest.fixture
def client(served: Serving) -> Iterator[Client]:
    with served.connect() as client:
        yield client


def asked(client: Client, *fields: str, target: str = "/a", method: str = "GET") -> bytes:
    answer = client.send(get(target, *fields, method=method)).answer()
    assert answer.status == 200
    assert int(answer.headers["age"]) >= 7
    return answer.body


def test_the_second_is_answered_without_the_cache(client: Client, store: Store) -> None:
    assert [asked(client) for _ in range(5)] == [b"/a none"] * 5
    assert store.asked == 1


def test_each_accept_encoding_has_its_own(client: Client, store: Store) -> None:
    for _ in range(2):
        assert asked(client) == b"/a none"
        assert asked(client, "accept-encoding: gzip") == b"/a gzip"
        assert asked(client, "accept-encoding: br") == b"/a br"
    assert store.asked == 3


@pytest.mark.parametrize(
    "field",
    [
        "authorization: Bearer x",
        "cache-control: no-cache",
        'if-none-match: "x"',
        "range: bytes=0-1",
        "pragma: no-cache",
    ],
)
def test_what_the_cache_has_to_see_it_sees(client: Client, store: Store, field: str) -> None:
    asked(client)
    for _ in range(2):
        client.send(get("/a", field)).answer()
    assert store.asked == 3


def test_another_host_or_query_or_method_is_another_answer(client: Client, store: Store) -> None:
    asked(client)
    client.send(get("/a").replace(b"Host: ", b"Host: other").replace(b"host: ", b"host: other")).answer()
    assert store.asked == 2
    for _ in range(2):
        asked(client, target="/a?x=1")
    assert store.asked == 3
    asked(client, target="/a?")
    assert store.asked == 4


def test_what_has_become_invalid_is_not_served(client: Client, store: Store) -> None:
    asked(client)
    store.valid = False
    asked(client)
    asked(client)
    assert store.asked == 3


def test_what_is_no_longer_fresh_is_not_served(client: Client, store: Store) -> None:
    store.until = time.monotonic_ns() + 200_000_000
    asked(client)
    asked(client)
    assert store.asked == 1
    time.sleep(0.25)
    asked(client)
    assert store.asked == 2


def test_what_the_cache_has_dropped_is_gone_within_two_seconds(client: Client, store: Store) -> None:
    asked(client)
    store.there = False
    end = time.monotonic() + 3
    while store.asked == 1 and time.monotonic() < end:
        asked(client)
        time.sleep(0.05)
    assert store.asked > 1


def test_what_depends_on_more_is_never_kept(client: Client, store: Store) -> None:
    store.plain = False
    asked(client)
    asked(client)
    assert store.asked == 2


def test_a_policy_around_the_cache_has_its_word_each_time(client: Client, store: Store) -> None:
    left = []
    for _ in range(3):
        left.append(client.send(get("/limited/a")).answer().headers["ratelimit"])
    assert len(set(left)) == 3
    assert store.asked == 3


def test_pipelined_requests_keep_their_order(client: Client, store: Store) -> None:
    asked(client)
    client.send(get("/a") + get("/b") + get("/a") + get("/b"))
    assert [answer.body for answer in client.answers(4)] == [b"/a none", b"/b none", b"/a none", b"/b none"]


def test_a_close_is_honoured(client: Client) -> None:
    asked(client)
    answer = client.send(get("/a", "connection: close")).last_answer()
    assert answer.closes


def test_they_are_counted_and_told(client: Client, served: Serving, store: Store) -> None:
    for _ in range(10):
        asked(client)
    served.server.loop.call_soon_threadsafe(served.server.settle_counts)
    end = time.monotonic() + 3
    while store.told < 9 and time.monotonic() < end:
        time.sleep(0.01)
    assert store.told == 9
    series = served.server.meter.series("GET", "/{name}")
    assert sum(served.server.cells[series : series + 6]) == 10


def test_one_made_elsewhere_keeps_its_date_and_fields(client: Client, store: Store) -> None:
    store.date = b"Sun, 06 Nov 1994 08:49:37 GMT"
    asked(client)
    answer = client.send(get("/a")).answer()
    assert store.asked == 1
    assert answer.headers["date"] == "Sun, 06 Nov 1994 08:49:37 GMT"
    assert (answer.headers["x-raw"], answer.headers["age"]) == ("\xe4", "7")


def test_it_is_bounded() -> None:
    shelf, store = Shelf(), Store()
    for number in range(3000):
        request = Request("GET", f"/{number}", "", {b"host": b"x"}, None)  # type: ignore[arg-type]
        hit = store.look_up(request)
        assert isinstance(hit, Hit)
        shelf.put(request, 0, hit)
    assert len(shelf) == 1024
    request = Request("GET", "/2999", "", {b"host": b"x", b"accept-encoding": b"0"}, None)  # type: ignore[arg-type]
    for number in range(100):
        request.fields[b"accept-encoding"] = b"%d" % number
        hit = store.look_up(request)
        assert isinstance(hit, Hit)
        shelf.put(request, 0, hit)
    assert "8 variants" in repr(shelf["/2999"])
