"""`@app.batched`: calls of one tick are one; deadlines and errors are each caller's own, also through a served app."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from stanchion import App
from stanchion.data.batched import Batched
from stanchion.deadline import until
from stanchion.errors import BadRequest, ConfigurationError, ServiceUnavailable, TooManyRequests
from tests.data.conftest import run
from tests.wire.client import get
from tests.wire.serving import Serving


class Rates:
    """Rates of currencies, which are as long as their names; counts how it is asked."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked: list[tuple[str, ...]] = []
        self._error = error

    async def load(self, names: Sequence[str]) -> Mapping[str, int]:
        self.asked.append(tuple(names))
        await asyncio.sleep(0)
        if self._error is not None and "" in names:
            raise self._error
        return {name: len(name) for name in names if name != "XXX"}


def batched(rates: Rates, **options: int) -> Batched[str, int]:
    return App("bank").batched(**options)(rates.load)


def test_calls_of_one_tick_are_one() -> None:
    rates = Rates()

    async def work() -> None:
        rate = batched(rates)
        assert await asyncio.gather(*map(rate, ("EUR", "XXX", "DOLLAR", "EUR"))) == [3, None, 6, 3]
        assert await rate.many(["YEN", "XXX"]) == [3, None]
        assert rate.statistics() == {"calls": 6, "batches": 2, "waiting": 0}
        assert "Rates.load" in repr(rate)

    run(work)
    assert rates.asked == [("EUR", "XXX", "DOLLAR"), ("YEN", "XXX")]


def test_no_call_has_more_keys_than_the_largest() -> None:
    rates = Rates()

    async def work() -> None:
        rate = batched(rates, largest=3, in_flight=1)
        assert await rate.many(list("abcdefgh")) == [1] * 8

    run(work)
    assert [len(keys) for keys in rates.asked] == [3, 3, 2]


@pytest.mark.parametrize("error", [ValueError("empty"), BadRequest("empty")])
def test_a_malformed_key_fails_by_itself(error: Exception) -> None:
    rates = Rates(error)

    async def work() -> None:
        outcomes: list[Any] = await asyncio.gather(*map(batched(rates), ("a", "", "bb", "ccc")), return_exceptions=True)
        assert outcomes == [1, error, 2, 3]

    run(work)


@pytest.mark.parametrize("error", [ServiceUnavailable("down"), TooManyRequests("later"), TimeoutError(), OSError(111)])
def test_what_does_not_answer_is_not_asked_again(error: Exception) -> None:
    rates = Rates(error)

    async def work() -> None:
        outcomes = await asyncio.gather(*map(batched(rates), ("a", "", "bb")), return_exceptions=True)
        assert outcomes == [error] * 3

    run(work)
    assert rates.asked == [("a", "", "bb")]


def test_what_returns_no_mapping_is_told_so() -> None:
    async def listing(names: Sequence[str]) -> Any:
        return list(names)

    async def work() -> None:
        rate: Batched[str, Any] = App("bank").batched()(listing)
        with pytest.raises(ConfigurationError, match="listing has returned a list: expected a mapping"):
            await asyncio.gather(rate("a"), rate("b"))

    run(work)


def test_what_cannot_be_batched_is_refused() -> None:
    def loads(names: Sequence[str]) -> Any:
        return {}

    with pytest.raises(ConfigurationError, match="loads is batched: expected async def"):
        App("bank").batched()(loads)
    with pytest.raises(ConfigurationError, match=r"batched\(largest=0\) of Rates.load: expected 1 or more"):
        batched(Rates(), largest=0)


@pytest.fixture
def served() -> Iterator[Serving]:
    app = App("bank")
    deadlines: list[float | None] = []

    @app.batched(in_flight=1)
    async def rate(names: Sequence[str]) -> Mapping[str, int]:
        deadlines.append(until())
        await asyncio.sleep(1.0 if any(name.startswith("slow") for name in names) else 0.25)
        if "bad" in names:
            raise BadRequest("no such currency")
        return {name: len(name) for name in names}

    @app.get("/brief/{name}", timeout=0.5)
    async def brief(name: str) -> int | None:
        return await rate(name)

    @app.get("/patient/{name}", timeout=5)
    async def patient(name: str) -> int | None:
        return await rate(name)

    @app.get("/statistics")
    async def statistics() -> dict[str, int | bool]:
        return {**rate.statistics(), "bounded": all(deadlines)}

    serving = Serving("uvloop", app)
    yield serving
    assert serving.stop() == []


def test_each_request_keeps_its_own_deadline_and_error(served: Serving) -> None:
    paths = ["/patient/first", "/brief/slow", "/patient/slow", "/patient/bad", "/patient/good"]
    clients = [served.connect() for _ in paths]
    for client, path in zip(clients, paths, strict=True):
        client.send(get(path))
    answers = [client.answer() for client in clients]
    assert [answer.status for answer in answers] == [200, 504, 200, 400, 200]
    assert [json.loads(answer.body) for answer in answers if answer.status == 200] == [5, 4, 4]
    with served.connect() as client:
        counted = json.loads(client.send(get("/statistics")).answer().body)
    assert counted["bounded"]
    assert counted["calls"] == 5
    assert counted["waiting"] == 0
