"""A served app whose PostgreSQL is exhausted, frozen, killed, cut off and back: what each client gets, and how soon."""

import time
from collections.abc import Iterator

import pytest

from tests.data.passage import Passage
from tests.data.postgres_server import PostgresServer, needs_postgres
from tests.data.shop import (
    asked,
    asked_at_once,
    comes_true,
    on_server,
    plain_within,
    problem,
    recovered_within,
    shop,
)
from tests.wire.client import get
from tests.wire.reader import Answer
from tests.wire.serving import Serving

pytestmark = needs_postgres
LATE = 2.5
"""Seconds: all are asked with a time-out of 1, and the machine has pauses."""
ACTIVE = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"
OURS = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'stanchion%'"


@pytest.fixture
def served(mortal: PostgresServer) -> Iterator[Serving]:
    serving = Serving("uvloop", shop(mortal.url))
    yield serving
    assert serving.stop() == []


def refused(answer: Answer) -> None:
    """Turned away with when to come again, or a statement's time was over."""
    assert problem(answer) in {
        (503, "database-busy"),
        (503, "database-unavailable"),
        (504, "database-timeout"),
        (504, "deadline-exceeded"),
    }
    assert answer.status == 504 or answer.headers["retry-after"] == "1"


def test_all_connections_in_use(served: Serving) -> None:
    busy = [served.connect() for _ in range(2)]
    for client in busy:
        client.send(get("/slow/0.7"))
    time.sleep(0.1)
    plain_within(served, 0.1)
    waiting = served.connect()
    assert asked(waiting, "/items/1").status == 200  # it had to wait, and was in time
    for client in busy:
        assert client.answer().status == 200
    for client in busy:
        client.send(get("/slow/3"))
    time.sleep(0.1)
    for late, seconds in asked_at_once(served, "/items/1", 20):
        assert seconds < LATE
        refused(late)
        assert problem(late)[1] in {"database-busy", "deadline-exceeded"}  # 10 ms lie between them
    recovered_within(served, 6)


def test_a_frozen_server(served: Serving, mortal: PostgresServer) -> None:
    with served.connect() as client:
        assert asked(client, "/items/1").status == 200
        mortal.freeze()
        try:
            for _ in range(3):
                for answer, seconds in asked_at_once(served, "/items/1", 20):
                    assert seconds < LATE
                    refused(answer)
            plain_within(served, 0.1)
        finally:
            mortal.thaw()
    recovered_within(served, 6)


def test_a_killed_server_and_its_return(served: Serving, mortal: PostgresServer) -> None:
    with served.connect() as client:
        assert asked(client, "/items/1").status == 200
        mortal.kill()
        answer = asked(client, "/items/1")
        assert problem(answer) == (503, "database-unavailable")
        assert answer.headers["retry-after"] == "1"
        plain_within(served, 0.1)
        mortal.start()
    recovered_within(served, 6)


@pytest.mark.parametrize("lost", [False, True], ids=["connections survive", "connections are lost"])
def test_a_server_that_is_cut_off(mortal: PostgresServer, lost: bool) -> None:
    passage = Passage(mortal.port)
    served = Serving("uvloop", shop(f"postgresql://postgres@127.0.0.1:{passage.port}/postgres"))
    try:
        assert [answer.status for answer, _ in asked_at_once(served, "/slow/0.1", 2)] == [200, 200]
        passage.cut()
        for _ in range(4):
            for answer, seconds in asked_at_once(served, "/items/1", 20):
                assert seconds < LATE
                refused(answer)
        plain_within(served, 0.1)
        passage.mend(lost=lost)
        recovered_within(served, 6)
        assert [answer.status for answer, _ in asked_at_once(served, "/slow/0.1", 2)] == [200, 200]
    finally:
        stayed = served.stop()
        passage.close()
    assert stayed == []


def test_a_thousand_requests_that_clients_have_left(served: Serving, mortal: PostgresServer) -> None:
    for number in range(10):
        clients = [served.connect() for _ in range(100)]
        for place, client in enumerate(clients):
            client.send(get("/slow/30" if place % 2 else "/items/1"))
        time.sleep(0.003 * number)
        for place, client in enumerate(clients):
            client.reset() if place % 3 else client.close()
    database = served.compiled.app.databases["main"]
    comes_true(lambda: database.statistics()["in_use"] == database.statistics()["waiting"] == 0, 10)
    comes_true(lambda: on_server(mortal.url, ACTIVE) == 0, 10)
    comes_true(lambda: database.statistics()["connections"] == on_server(mortal.url, OURS) <= 2, 10)
    assert [answer.status for answer, _ in asked_at_once(served, "/items/1", 20)] == [200] * 20
