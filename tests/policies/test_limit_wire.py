"""A refusal comes before the body: nothing of it is asked for or read."""

from collections.abc import Iterator

import pytest

from stanchion import App, Limit, Settings
from tests.wire.client import Client as Connection
from tests.wire.client import get, post
from tests.wire.live import LOOPS, Live

HEAD = get("/", "content-length: 5", "expect: 100-continue", method="POST")


@pytest.fixture
def connection() -> Iterator[Connection]:
    app = App("uploads")

    @app.post("/", limit=Limit("1/min", name="uploads"), body_limit=10_000_000)
    async def upload(body: bytes) -> int:
        return len(body)

    endpoint, _ = app.compile().find("POST", "/")
    assert endpoint is not None
    with Live(LOOPS["uvloop"], {"/": endpoint}, Settings()) as live:
        with live.connect() as first:
            assert first.send(post("/", b"12345")).answer().body == b"5"
        with live.connect() as connection:
            yield connection


def test_instead_of_100_continue(connection: Connection) -> None:
    answer = connection.send(HEAD).last_answer()
    assert (answer.status, answer.closes) == (429, True)


def test_with_a_large_body_on_its_way(connection: Connection) -> None:
    connection.send(get("/", "content-length: 9000000", method="POST") + b"x" * 1000)
    answer = connection.last_answer()
    assert (answer.status, answer.closes) == (429, True)
    assert answer.headers["retry-after"]


def test_who_leaves_while_it_waits_leaves_nothing_behind() -> None:
    app = App("waiting")

    @app.get("/", limit=Limit("1/s", burst=1, on_exceed="queue", max_wait=5.0, max_waiting=2))
    async def home() -> str:
        return "x"

    endpoint, _ = app.compile().find("GET", "/")
    assert endpoint is not None
    with Live(LOOPS["uvloop"], {"/": endpoint}, Settings()) as live:
        with live.connect() as first:
            assert first.send(get()).answer().status == 200
        waiting = [live.connect() for _ in range(2)]
        for each in waiting:
            each.send(get())
        while len(live.tasks()) < 2:
            pass
        with live.connect() as third:
            assert third.send(get()).answer().status == 429  # no more than two wait
        for each in waiting:
            each.close()
        while live.tasks():
            pass
        with live.connect() as fourth:  # there is room again, though the two have had their turns
            assert fourth.send(get()).silent(0.05)
