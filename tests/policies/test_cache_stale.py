"""After its freshness: the answer that is out at once while the next is made, and the one that stands in for errors."""

import asyncio
import time
from collections.abc import Callable, Iterator

import pytest

from stanchion import Cache, HTTPError, Response
from stanchion.cache import caches
from stanchion.errors import NotFound, ServiceUnavailable
from stanchion.testing import Client
from tests.cache.clock import Clock
from tests.policies.counted import Counted

FAILURES = [RuntimeError("broken"), ServiceUnavailable("later"), HTTPError("no", status=500)]


@pytest.fixture
def origin(clock: Clock) -> Counted:
    origin = Counted()
    origin.add("/stale", Cache(ttl=10, stale=30, name="stale"))
    origin.add("/error", Cache(ttl=10, stale_if_error=30))
    origin.add("/both", Cache(ttl=10, stale=20, stale_if_error=60))
    origin.add("/neither", Cache(ttl=10))
    origin.add("/tagged", Cache(ttl=10, stale=30, stale_if_error=30, tags=["tag"]))

    @origin.app.post("/change", invalidates=["tag"])
    async def change() -> None: ...

    return origin


@pytest.fixture
def client(origin: Counted) -> Iterator[Client]:
    with Client(origin.app) as client:
        yield client


def soon(holds: Callable[[], bool]) -> None:
    """Each look is a request, during which what is behind an answer goes on."""
    end = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_a_stale_answer_is_out_at_once_and_the_next_one_is_made_behind_it(
    client: Client, origin: Counted, clock: Clock
) -> None:
    client.get("/stale")
    clock.advance(15)
    stale = client.get("/stale")
    assert (stale.text, stale.headers["age"]) == ("call 1", "15")
    assert stale.headers["cache-status"] in ("stanchion; hit; ttl=-5", "stanchion; hit; ttl=-6")
    soon(lambda: client.get("/stale").text == "call 2")
    assert client.get("/stale").headers["cache-status"] == "stanchion; hit"
    assert origin.calls == 2


def test_after_the_stale_time_one_waits_for_the_next(client: Client, origin: Counted, clock: Clock) -> None:
    client.get("/stale")
    clock.advance(41)
    answer = client.get("/stale")
    assert (answer.text, answer.headers["cache-status"]) == ("call 2", "stanchion; fwd=stale; stored")


def test_a_crowd_at_a_stale_answer_makes_one_call(clock: Clock) -> None:
    origin = Counted()

    @origin.app.get("/", cache=Cache(ttl=10, stale=30))
    async def handler() -> Response:
        made = origin.made()
        await asyncio.sleep(0.02)
        return made

    with Client(origin.app) as client:
        client.get("/")
        clock.advance(15)
        assert {client.get("/").text for _ in range(5)} == {"call 1"}
        soon(lambda: client.get("/").text == "call 2")
    assert origin.calls == 2


@pytest.mark.parametrize("error", FAILURES, ids=repr)
def test_a_refresh_that_fails_is_nobodys_error_and_is_not_tried_for_every_request(
    client: Client, origin: Counted, clock: Clock, error: Exception
) -> None:
    client.get("/stale")
    clock.advance(15)
    origin.error = error
    for _ in range(50):
        answer = client.get("/stale")
        assert (answer.status, answer.text) == (200, "call 1")
    assert origin.calls == 2


def test_a_refresh_there_was_no_room_for_is_tried_again(
    client: Client, origin: Counted, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.get("/stale")
    clock.advance(15)
    with monkeypatch.context() as full:
        full.setattr(caches, "_MOST_BEHIND", 0)
        assert [client.get("/stale").text for _ in range(3)] == ["call 1"] * 3
    soon(lambda: client.get("/stale").text == "call 2")


@pytest.mark.parametrize("error", FAILURES, ids=repr)
def test_the_last_answer_stands_in_for_a_handler_that_fails(
    client: Client, origin: Counted, clock: Clock, error: Exception
) -> None:
    client.get("/error")
    origin.error = error
    clock.advance(25)
    stood_in = client.get("/error")
    assert (stood_in.status, stood_in.text, stood_in.headers["age"]) == (200, "call 1", "25")
    failed = 503 if isinstance(error, ServiceUnavailable) else 500
    assert stood_in.headers["cache-status"] == f"stanchion; fwd=stale; fwd-status={failed}"
    clock.advance(16)  # past its time
    assert client.get("/error").status == failed
    origin.error = None
    assert client.get("/error").status == 200


def test_it_stands_in_for_no_error_of_the_client_and_not_where_it_is_not_declared(
    client: Client, origin: Counted, clock: Clock
) -> None:
    for path in ("/error", "/neither"):
        client.get(path)
    clock.advance(15)
    origin.error = NotFound("gone")
    assert client.get("/error").status == 404
    origin.error = RuntimeError("broken")
    assert client.get("/neither").status == 500
    assert client.get("/error").text == "call 1"  # the 404 in between was kept for nobody


def test_first_at_once_then_for_errors(client: Client, origin: Counted, clock: Clock) -> None:
    client.get("/both")
    origin.error = RuntimeError("broken")
    clock.advance(25)
    assert client.get("/both").headers["cache-status"].startswith("stanchion; hit; ttl=-1")
    clock.advance(25)
    assert client.get("/both").headers["cache-status"] == "stanchion; fwd=stale; fwd-status=500"
    clock.advance(25)
    assert client.get("/both").status == 500


@pytest.mark.parametrize("seconds", [5, 15])
def test_what_is_invalid_is_neither_fresh_nor_stale_nor_good_for_errors(
    client: Client, origin: Counted, clock: Clock, seconds: float
) -> None:
    client.get("/tagged")
    clock.advance(seconds)
    client.post("/change")
    origin.error = RuntimeError("broken")
    assert client.get("/tagged").status == 500
    origin.error = None
    assert client.get("/tagged").text == "call 3"
