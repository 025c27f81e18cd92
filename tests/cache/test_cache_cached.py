"""Functions whose results are kept: hits, expiry, stale results, one call of many, errors, tags, and their keys."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import pytest
from msgspec import Struct

from stanchion import App, cached
from stanchion.cache import caches as of_caches
from stanchion.cache.caches import current
from stanchion.cache.entry import Stored
from stanchion.errors import ConfigurationError
from stanchion.testing import Client
from tests.cache.clock import Clock


class Source:
    """Counts its calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.error: Exception | None = None
        self.pause = 0.0

    async def read(self, *asked: Any) -> str:
        self.calls += 1
        number = self.calls
        await asyncio.sleep(self.pause)
        if self.error is not None:
            raise self.error
        return f"read {number}"


@pytest.fixture
def source(clock: Clock) -> Source:
    return Source()


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Outside of an app, as in a script."""

    async def bounded() -> None:
        async with asyncio.timeout(10):
            await main()

    asyncio.run(bounded())


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.001)


def test_a_result_is_kept_for_its_time_and_is_the_same_object(source: Source, clock: Clock) -> None:
    @cached(ttl=10)
    async def rows(day: int) -> list[str]:
        return [await source.read(day)]

    async def main() -> None:
        first = await rows(1)
        assert await rows(1) is first
        clock.advance(9.5)
        assert await rows(1) is first
        clock.advance(1)
        assert await rows(1) == ["read 2"]

    run(main)
    assert "rows for 10 s>" in repr(rows)
    assert getattr(rows, "__name__", None) == "rows"


def test_a_stale_result_is_returned_while_the_next_is_made(source: Source, clock: Clock) -> None:
    @cached(ttl=10, stale=20)
    async def page() -> str:
        return await source.read()

    async def main() -> None:
        await page()
        clock.advance(15)
        assert [await page() for _ in range(5)] == ["read 1"] * 5
        await until(lambda: source.calls == 2)
        await asyncio.sleep(0.001)
        assert await page() == "read 2"
        clock.advance(31)
        assert await page() == "read 3"

    run(main)


def test_a_failed_refresh_is_nobodys_error_and_not_tried_with_every_call(source: Source, clock: Clock) -> None:
    @cached(ttl=10, stale=20)
    async def page() -> str:
        return await source.read()

    async def main() -> None:
        await page()
        clock.advance(15)
        source.error = RuntimeError("away")
        for _ in range(100):
            assert await page() == "read 1"
            await asyncio.sleep(0)
        assert source.calls == 2

    run(main)


def test_an_old_result_stands_in_for_an_error_as_long_as_is_declared(source: Source, clock: Clock) -> None:
    @cached(ttl=10, stale_if_error=20)
    async def page() -> str:
        return await source.read()

    async def main() -> None:
        await page()
        clock.advance(15)
        source.error = RuntimeError("away")
        assert await page() == "read 1"
        clock.advance(16)
        with pytest.raises(RuntimeError, match="away"):
            await page()

    run(main)


def test_what_is_invalid_stands_in_for_nothing(source: Source, clock: Clock) -> None:
    @cached(ttl=10, stale_if_error=20)
    async def page() -> str:
        result = await source.read()
        return result

    async def main() -> None:
        await page()
        clock.advance(15)
        source.error, source.pause = RuntimeError("away"), 0.01
        asked = asyncio.create_task(page())
        await until(lambda: source.calls == 2)
        await page.invalidate()
        with pytest.raises(RuntimeError, match="away"):
            await asked

    run(main)


def test_many_callers_make_one_call(source: Source) -> None:
    @cached(ttl=10)
    async def page(number: int) -> str:
        return await source.read()

    async def main() -> None:
        source.pause = 0.01
        results = await asyncio.gather(*(page(n % 2) for n in range(1000)))
        assert set(results) == {"read 1", "read 2"}
        assert source.calls == 2

    run(main)


def test_an_error_is_every_waiters_and_is_not_kept(source: Source) -> None:
    @cached(ttl=10)
    async def page() -> str:
        return await source.read()

    async def main() -> None:
        source.error, source.pause = RuntimeError("away"), 0.01
        results = await asyncio.gather(*(page() for _ in range(50)), return_exceptions=True)
        assert [str(result) for result in results] == ["away"] * 50
        assert source.calls == 1
        source.error = None
        assert await page() == "read 2"

    run(main)


def test_a_call_goes_on_when_its_first_caller_is_cancelled(source: Source) -> None:
    @cached(ttl=10)
    async def page() -> str:
        return await source.read()

    async def main() -> None:
        source.pause = 0.02
        first, second = asyncio.create_task(page()), asyncio.create_task(page())
        await until(lambda: source.calls == 1)
        first.cancel()
        assert await second == "read 1"
        assert source.calls == 1

    run(main)


def test_who_asks_after_an_invalidation_does_not_get_what_was_read_before_it(source: Source) -> None:
    @cached(ttl=10)
    async def page() -> str:
        return await source.read()

    async def main() -> None:
        source.pause = 0.02
        before = asyncio.create_task(page())
        await until(lambda: source.calls == 1)
        await page.invalidate()
        after = [asyncio.create_task(page()) for _ in range(10)]
        assert await before == "read 1"
        assert await asyncio.gather(*after) == ["read 2"] * 10
        assert await page() == "read 2"

    run(main)


class Point(Struct):
    x: int


DIFFERENT: list[tuple[tuple[Any, ...], tuple[Any, ...]]] = [
    ((1,), (2,)),
    ((1,), ("1",)),
    ((1,), (True,)),
    ((None,), (math.nan,)),
    ((b"a",), ("YQ==",)),
    (("a", "b"), ("ab", "")),
    (([1, 2],), ([2, 1],)),
    ((Point(1),), (Point(2),)),
    ((date(2026, 1, 1),), (date(2026, 1, 2),)),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_other_arguments_are_another_result(source: Source, one: tuple[Any, ...], other: tuple[Any, ...]) -> None:
    @cached(ttl=10)
    async def of(first: Any, second: Any = "") -> str:
        return await source.read()

    async def main() -> None:
        assert await of(*one) == await of(*one) == "read 1"
        assert await of(*other) == "read 2"

    run(main)


def test_however_they_are_given_the_same_arguments_are_the_same(source: Source) -> None:
    @cached(ttl=10)
    async def of(first: int, second: str = "x", **more: int) -> str:
        return await source.read()

    async def main() -> None:
        assert await of(1) == await of(1, "x") == await of(second="x", first=1) == "read 1"
        assert await of(1, a=1, b=2) == await of(1, b=2, a=1) == "read 2"
        with pytest.raises(TypeError, match="first"):  # as the function itself would say
            await of()  # type: ignore[call-arg]

    run(main)


def test_two_functions_of_one_app_have_results_of_their_own(source: Source) -> None:
    @cached(ttl=10)
    async def one(n: int) -> str:
        return await source.read()

    @cached(ttl=10)
    async def two(n: int) -> str:
        return await source.read()

    async def main() -> None:
        assert await one(1) == "read 1"
        assert await two(1) == "read 2"

    run(main)


def test_what_cannot_be_read_in_a_tier_is_a_miss(source: Source) -> None:
    """Another version of the program may have put it there."""
    app = App("versions")

    @cached(ttl=60, tiers=["machine"])
    async def number(n: int) -> float:
        await source.read()
        return n / 2

    @app.get("/")
    async def show() -> float:
        return await number(7)

    @app.post("/")
    async def spoil() -> None:
        provider = current.get()
        assert provider is not None
        layers, now = provider().layers(("machine",)), time.time()
        other = Stored(status=200, fields=(), body=b"\xa3abc", requested=now, received=now, lifetime=60)
        layers.put(number._calls.key((7,), {}), {}, layers.kept(other), tagged=False)

    with Client(app) as client:
        assert [client.get("/").json() for _ in range(2)] == [3.5, 3.5]
        assert source.calls == 1
        client.post("/")
        assert [client.get("/").json() for _ in range(2)] == [3.5, 3.5]
        assert source.calls == 2


class Store:
    """Its methods' results are kept by what `key` makes of `self`."""

    def __init__(self, name: str, source: Source) -> None:
        self.name = name
        self.source = source

    @cached(ttl=10, key=lambda self, number: f"{self.name} {number}")
    async def row(self, number: int) -> str:
        return await self.source.read()

    @cached(ttl=10)
    async def keyless(self) -> str:
        return await self.source.read()


def test_functions_made_by_one_function_do_not_share_results(source: Source) -> None:
    def reader(table: str) -> Any:
        @cached(ttl=10)
        async def read(number: int) -> str:
            return f"{table} {await source.read()}"

        return read

    async def main() -> None:
        one, other = reader("one"), reader("other")
        assert await one(1) == "one read 1"
        assert await other(1) == "other read 2"

    run(main)


def test_a_method_is_kept_by_its_own_key(source: Source) -> None:
    async def main() -> None:
        one, other = Store("one", source), Store("other", source)
        assert await one.row(1) == await one.row(1) == "read 1"
        assert await other.row(1) == "read 2"
        assert await one.row(2) == "read 3"

    run(main)


@pytest.mark.parametrize("argument", [object(), 2**70, {(1, 2): 3}])
def test_an_argument_that_is_no_plain_value_says_what_to_do(source: Source, argument: Any) -> None:
    @cached(ttl=10)
    async def of(first: Any) -> str:
        return await source.read()

    async def main() -> None:
        with pytest.raises(ConfigurationError, match=r"of( \d)? is no plain value; give cached\(key=…\)"):
            await of(argument)
        with pytest.raises(ConfigurationError, match=r"Store.keyless is no plain value"):
            await Store("one", source).keyless()

    run(main)
    assert source.calls == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "ttl"),
        ({"ttl": 0}, "> 0"),
        ({"ttl": "1"}, "ttl"),
        ({"ttl": math.inf}, "<= 31536000"),
        ({"ttl": math.nan}, "> 0"),
        ({"ttl": 1, "stale": -1}, "stale"),
        ({"ttl": 1, "unknown": 1}, "unknown"),
        ({"ttl": 1, "tags": "tag"}, "tags"),
        ({"ttl": 1, "tags": ["{nobody}"]}, "has no argument 'nobody'"),
        ({"ttl": 1, "tags": ["{"]}, "for a brace"),
        ({"ttl": 1, "tiers": ["disk"]}, "'disk' is none of"),
        ({"ttl": 1, "scope": "machine"}, "add 'machine' or 'store'"),
    ],
)
def test_a_wrong_option_is_an_error_where_it_is_declared(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as refused:

        @cached(**options)
        async def of(number: int) -> int:
            return number

    assert str(refused.value).startswith("cached(")


def test_only_async_functions_that_say_what_they_return_beyond_memory() -> None:
    with pytest.raises(ConfigurationError, match="is for an async function"):

        @cached(ttl=1)  # type: ignore[arg-type]
        def plain() -> int:
            return 1

    with pytest.raises(ConfigurationError, match="needs a return annotation"):

        @cached(ttl=1, tiers=["machine"])
        async def untold():  # type: ignore[no-untyped-def]
            return 1


def test_tags_end_results_in_an_app(source: Source) -> None:
    app = App("cached")

    @cached(ttl=60, tags=["airport:{iata}", "airports"])
    async def airport(iata: str) -> str:
        return await source.read()

    @app.get("/airports/{iata}")
    async def show(iata: str) -> str:
        return await airport(iata)

    @app.put("/airports/{iata}", invalidates=["airport:{iata}"])
    async def change(iata: str) -> None: ...

    @app.post("/all/{tag}")
    async def all_of(tag: str) -> None:
        await app.invalidate(tag)

    def texts(client: Client) -> list[str]:
        return [client.get(f"/airports/{iata}").text for iata in ("JFK", "EWR", "JFK", "EWR")]

    with Client(app) as client:
        assert texts(client) == ["read 1", "read 2"] * 2
        client.put("/airports/JFK")
        assert texts(client) == ["read 3", "read 2"] * 2
        client.post("/all/airports")
        assert texts(client) == ["read 4", "read 5"] * 2
    with Client(app) as client:  # another life of the app is another cache
        assert texts(client) == ["read 6", "read 7"] * 2


def test_what_ends_one_call_is_no_tag_for_a_cdn(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    app = App("cached")

    @cached(ttl=60)
    async def page(number: int) -> str:
        return await source.read()

    @app.get("/")
    async def show() -> str:
        provider = current.get()
        assert provider is not None
        monkeypatch.setattr(provider(), "_purger", _Recorder(told))
        await page.invalidate(1)
        await app.invalidate("call sign:N1")  # one of the app's own
        return "done"

    with Client(app) as client:
        assert client.get("/").text == "done"
    assert told == ["call sign:N1"]


class _Recorder:
    """In the purger's place."""

    def __init__(self, told: list[str]) -> None:
        self._told = told

    def purge(self, tags: Any) -> None:
        self._told.extend(tags)

    async def close(self) -> None: ...


def test_a_refresh_there_was_no_room_for_is_tried_again(
    source: Source, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    @cached(ttl=10, stale=100)
    async def page() -> str:
        return await source.read()

    async def main() -> None:
        await page()
        clock.advance(15)
        monkeypatch.setattr(of_caches, "_MOST_BEHIND", 0)
        assert await page() == "read 1"
        monkeypatch.setattr(of_caches, "_MOST_BEHIND", 1024)
        assert await page() == "read 1"
        await until(lambda: source.calls == 2)

    run(main)
