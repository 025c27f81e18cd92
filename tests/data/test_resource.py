"""Clients of other stores: turns, deadlines, what counts as a failure, and how a client is made and closed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from stanchion import App
from stanchion.data.resource import Resource
from stanchion.deadline import shorten
from stanchion.errors import ConfigurationError, GatewayTimeout, NotFound, ServiceUnavailable
from tests.data.conftest import run


class Lost(Exception):
    """What a store's client raises when there is no answer."""


class Store:
    """A store that is in this process, and can be gone."""

    def __init__(self) -> None:
        self.up = True
        self.asked = 0
        self.opened = 0
        self.closed = 0
        self.at_work = self.most_at_work = 0

    async def open(self) -> "Store":
        await asyncio.sleep(0.01)
        self.answering()
        self.opened += 1
        return self

    async def close(self) -> None:
        self.closed += 1

    async def ask(self, seconds: float = 0.0, answer: str = "yes") -> str:
        self.asked += 1
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.at_work -= 1
        self.answering()
        return answer

    async def ping(self) -> None:
        self.answering()

    def answering(self) -> None:
        if not self.up:
            raise Lost("gone")


def resource_of(store: Store, **options: Any) -> Resource[Store]:
    app = App("shop")
    return app.resource(
        "store", open=store.open, close=Store.close, check=Store.ping, **{"failures": (Lost,), **options}
    )


def test_calls_are_bounded_in_number_and_the_rest_waits() -> None:
    async def work() -> None:
        store = Store()
        resource = resource_of(store, concurrency=3)
        answers = await asyncio.gather(*(resource.call(Store.ask, 0.005, answer=str(n)) for n in range(20)))
        assert answers == [str(n) for n in range(20)]
        assert store.most_at_work == 3
        assert store.opened == 1
        assert resource.statistics()["in_use"] == 0
        assert "store" in repr(resource)

    run(work)


def test_a_full_queue_and_a_deadline_are_answered_at_once() -> None:
    async def work() -> None:
        store = Store()
        resource = resource_of(store, concurrency=1, waiting=1)
        holding = asyncio.create_task(resource.call(Store.ask, 3))
        await asyncio.sleep(0.05)

        async def hurried() -> str:
            shorten(asyncio.get_running_loop().time() + 0.05)
            return await resource.call(Store.ask)

        hurrying = asyncio.create_task(hurried())
        await asyncio.sleep(0.01)
        for waiting in (resource.call(Store.ask), hurrying):
            with pytest.raises(ServiceUnavailable, match="1 calls to store are at work already") as raised:
                await waiting
            assert (raised.value.code, raised.value.headers) == ("dependency-busy", {"Retry-After": "1"})
        assert not holding.done()
        assert await holding == "yes"

    run(work)


@pytest.mark.parametrize("way", ["call", "client"])
def test_the_deadline_ends_what_takes_too_long(way: str) -> None:
    async def asked(resource: Resource[Store]) -> None:
        shorten(asyncio.get_running_loop().time() + 0.1)
        if way == "call":
            await resource.call(Store.ask, 30)
        else:
            async with resource.client() as store:
                await store.ask(30)

    async def work() -> None:
        store = Store()
        resource = resource_of(store, retries=0)
        with pytest.raises(GatewayTimeout, match="store did not answer in time") as raised:
            await asyncio.create_task(asked(resource))
        assert raised.value.code == "dependency-timeout"
        statistics = resource.statistics()
        assert (store.at_work, statistics["in_use"], statistics["accepts"], statistics["requests"]) == (0, 0, 0, 1)

    run(work)


def test_a_failure_is_tried_again_and_an_answer_is_not() -> None:
    async def work() -> None:
        store = Store()
        resource = resource_of(store)

        async def second_time(client: Store) -> str:
            client.asked += 1
            if client.asked == 1:
                raise Lost
            return "yes"

        async def missing(client: Store) -> str:
            client.asked += 1
            raise NotFound("no such item")

        assert await resource.call(second_time) == "yes"
        assert store.asked == 2
        with pytest.raises(NotFound, match="no such item"):
            await resource.call(missing)
        with pytest.raises(NotFound):
            async with resource.client() as client:
                await missing(client)
        assert store.asked == 4
        assert resource.statistics()["accepts"] == 3

    run(work)


def test_a_store_that_is_gone_is_left_alone_and_found_again() -> None:
    async def work() -> None:
        store = Store()
        resource = resource_of(store, retries=0)
        assert await resource.call(Store.ask) == "yes"
        store.up = False
        for _ in range(100):
            with pytest.raises(ServiceUnavailable, match="store does not answer") as raised:
                await resource.call(Store.ask)
            assert raised.value.code == "dependency-unavailable"
        assert store.asked < 30
        store.up = True
        end = asyncio.get_running_loop().time() + 10
        answered = 0
        while answered < 20:
            assert asyncio.get_running_loop().time() < end
            try:
                await resource.call(Store.ask)
                answered += 1
            except ServiceUnavailable:
                answered = 0
                await asyncio.sleep(0.02)

    run(work)


def test_callers_who_leave_take_nothing_with_them_and_count_as_nothing() -> None:
    async def work() -> None:
        store = Store()
        resource = resource_of(store, concurrency=10, waiting=10_000)
        for _ in range(10):
            callers = [asyncio.create_task(resource.call(Store.ask, 30)) for _ in range(100)]
            await asyncio.sleep(0.02)
            for caller in callers:
                caller.cancel()
            outcomes = await asyncio.gather(*callers, return_exceptions=True)
            assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
        statistics = resource.statistics()
        assert (store.at_work, statistics["in_use"], statistics["waiting"], statistics["refusing"]) == (0, 0, 0, 0)
        assert await resource.call(Store.ask) == "yes"

    run(work)


def test_an_app_starts_without_its_store_and_opens_it_once_it_is_there() -> None:
    async def work() -> None:
        store = Store()
        store.up = False
        resource = resource_of(store, retries=0)
        await resource.open()
        with pytest.raises(ServiceUnavailable):
            await resource.call(Store.ask)
        with pytest.raises(Lost):
            await resource.check()
        store.up = True
        assert await asyncio.gather(*(resource.call(Store.ask) for _ in range(5))) == ["yes"] * 5
        await resource.check()
        assert store.opened == 1
        await resource.close()
        await resource.close()
        assert store.closed == 1

    run(work)


def test_who_leaves_while_the_client_is_made_leaves_it_to_the_others() -> None:
    async def work() -> None:
        store = Store()
        resource = resource_of(store)
        first = asyncio.create_task(resource.call(Store.ask))
        await asyncio.sleep(0)
        second = asyncio.create_task(resource.call(Store.ask))
        await asyncio.sleep(0.002)
        first.cancel()
        assert await second == "yes"
        assert store.opened == 1

    run(work)


def test_a_client_that_is_being_made_when_the_app_ends() -> None:
    async def work() -> None:
        store = Store()
        resource = resource_of(store)
        opening = asyncio.create_task(resource.open())
        await asyncio.sleep(0.001)
        await resource.close()
        with pytest.raises(asyncio.CancelledError):
            await opening
        assert (store.opened, store.closed) == (0, 0)

    run(work)


def test_a_mistake_in_opening_stops_the_start() -> None:
    async def mistaken() -> Store:
        raise KeyError("STORE_URL")

    async def work() -> None:
        app = App("shop")
        with pytest.raises(ConfigurationError, match="resource 'store' failed at start: KeyError: 'STORE_URL'"):
            await app.resource("store", open=mistaken).open()

    run(work)


Registering = Callable[[App], object]


async def nothing() -> None:
    """A client that is none."""


@pytest.mark.parametrize(
    ("register", "message"),
    [
        (lambda app: app.resource("store", open=nothing, concurrency=0), "resource option concurrency=0"),
        (lambda app: app.resource("store", open=nothing, timeout=-1), "resource option timeout=-1"),
        (lambda app: (app.resource("a", open=nothing), app.dependency("a")), "dependency 'a' is there already"),
        (lambda app: (checked(app), app.resource("a", open=nothing, check=asked)), "ready check 'a' is there already"),
    ],
)
def test_declarations_that_cannot_be(register: Registering, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        register(App("shop"))


def checked(app: App) -> Callable[[], Awaitable[None]]:
    return app.ready_check("a")(nothing)


async def asked(client: None) -> None:
    """A check of it."""
