"""Pages of real tables, on both databases: whatever comes and goes meanwhile, each old row is on one page."""

import datetime
import decimal
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from stanchion.data.database import Database
from stanchion.errors import ConfigurationError
from stanchion.http.pages import InvalidCursor, Page, PageQuery
from tests.data.conftest import Opened, run
from tests.data.paging import at


class Item(Struct, frozen=True):
    id: int
    a: int | None
    b: str
    c: float | None


class Event(Struct, frozen=True):
    at: datetime.datetime
    price: decimal.Decimal
    key: uuid.UUID
    day: datetime.date
    sold: bool


ALL = "SELECT * FROM items"
TABLE = "CREATE TABLE items (id integer PRIMARY KEY, a integer, b text NOT NULL, c double precision)"
CHANGES = HealthCheck.function_scoped_fixture, HealthCheck.too_slow


async def insert(database: Database, items: list[Item]) -> None:
    for item in items:
        await database.execute("INSERT INTO items VALUES ($1, $2, $3, $4)", item.id, item.a, item.b, item.c)


async def numbered(database: Database, count: int) -> None:
    await database.execute(TABLE)
    await insert(database, [Item(number, number % 3, "b", None) for number in range(1, count + 1)])


ITEMS = st.lists(
    st.builds(
        Item,
        st.integers(1, 40),
        st.none() | st.integers(-1, 1),
        st.sampled_from(("", "a", "é", "'\"$1")),
        st.none() | st.sampled_from((0.1, 1 / 3, -1e300)),
    ),
    unique_by=lambda item: item.id,
    max_size=16,
)
NULLS = st.sampled_from((" nulls first", " nulls last"))
SIGN = st.sampled_from(("", "-"))


@st.composite
def orders(draw: st.DrawFn) -> tuple[str, ...]:
    names = draw(st.lists(st.sampled_from("abc"), unique=True, max_size=3))
    texts = [draw(SIGN) + name + (draw(NULLS) if name in "ac" else "") for name in names]
    return (*texts, draw(SIGN) + "id")


@settings(max_examples=60, deadline=None, suppress_health_check=CHANGES)
@given(data=st.data(), items=ITEMS, order=orders(), limit=st.integers(1, 5))
def test_each_old_row_is_on_one_page(
    opened: Opened, data: st.DataObject, items: list[Item], order: tuple[str, ...], limit: int
) -> None:
    async def work() -> None:
        async with opened() as database:
            await database.execute("DROP TABLE IF EXISTS items")
            await database.execute(TABLE)
            await insert(database, items)
            kept = {item.id for item in items}
            free = list(range(41, 61))
            seen: list[int] = []
            asked = PageQuery(limit=limit)
            for _ in range(60):
                page = await database.page(Item, asked, ALL, order=order)
                seen += [item.id for item in page.items]
                if page.next is None:
                    break
                assert len(page.items) == limit
                asked = at(page.next, asked)
                kept -= await changed(database, data, kept, free)
            assert len(set(seen)) == len(seen), "a row was on two pages"
            assert kept <= set(seen), "an old row was on no page"
            await walked_back(database, asked, order)

    run(work)


async def changed(database: Database, data: st.DataObject, kept: set[int], free: list[int]) -> set[int]:
    """Rows come and go; returns the ids that are gone."""
    if free and data.draw(st.booleans(), "insert"):
        values = data.draw(st.tuples(st.none() | st.integers(-1, 1), st.sampled_from(("", "a")), st.none()))
        await insert(database, [Item(free.pop(), *values)])
    if kept and data.draw(st.booleans(), "delete"):
        gone = data.draw(st.sampled_from(sorted(kept)))
        await database.execute("DELETE FROM items WHERE id = $1", gone)
        return {gone}
    return set()


async def walked_back(database: Database, asked: PageQuery, order: tuple[str, ...]) -> None:
    """From the last page, once nothing changes any more, `prev` leads over all rows, and `next` back again."""
    page = await database.page(Item, asked, ALL, order=order)
    back = list(page.items)
    while page.prev is not None:
        page = await database.page(Item, at(page.prev, asked), ALL, order=order)
        back[:0] = page.items
    pages = await database.page(Item, PageQuery(limit=1000), ALL, order=order)
    assert back == pages.items
    forth = list(page.items)
    while page.next is not None:
        page = await database.page(Item, at(page.next, asked), ALL, order=order)
        forth += page.items
    assert forth == pages.items


def test_first_last_and_between(opened: Opened) -> None:
    async def work() -> None:
        async with opened() as database:
            await numbered(database, 5)
            first = PageQuery(limit=2, path="/items", query="a=1")
            page = await database.page(Item, first, ALL, order=["id"])
            assert ([item.id for item in page.items], page.prev) == ([1, 2], None)
            assert (page.next or "").startswith("/items?a=1&cursor=")
            middle = await database.page(Item, at(page.next, first), ALL, order=["id"])
            assert [item.id for item in middle.items] == [3, 4]
            last = await database.page(Item, at(middle.next, first), ALL, order=["id"])
            assert ([item.id for item in last.items], last.next) == ([5], None)
            again = await database.page(Item, at(middle.prev, first), ALL, order=["id"])
            assert (again.items, again.prev, again.next) == (page.items, None, page.next)

    run(work)


def test_a_page_that_has_become_empty_leads_back(opened: Opened) -> None:
    async def work() -> None:
        async with opened() as database:
            await numbered(database, 4)
            query = PageQuery(limit=2)
            first = await database.page(Item, query, ALL, order=["id"])
            await database.execute("DELETE FROM items WHERE id > 2")
            empty = await database.page(Item, at(first.next, query), ALL, order=["id"])
            assert (empty.items, empty.next) == ([], None)
            back = await database.page(Item, at(empty.prev, query), ALL, order=["id"])
            assert (back.items, back.next, back.prev) == (first.items, None, None)
            await insert(database, [Item(0, None, "", None)])
            more = await database.page(Item, at(empty.prev, query), ALL, order=["id"])
            await database.execute("DELETE FROM items WHERE id = 0")
            none = await database.page(Item, at(more.prev, query), ALL, order=["id"])
            assert (none.items, none.next, none.prev) == ([], "/", None)
            await database.execute("DELETE FROM items")
            assert await database.page(Item, query, ALL, order=["id"]) == Page([])

    run(work)


def test_a_cursor_is_of_one_query(opened: Opened) -> None:
    of_a = "SELECT * FROM items WHERE a = $1"

    async def work() -> None:
        async with opened() as database:
            await numbered(database, 9)
            query = PageQuery(limit=1, path="/items")
            page = await database.page(Item, query, of_a, 1, order=["id"])
            following = at(page.next, query)
            assert [item.id for item in (await database.page(Item, following, of_a, 1, order=["id"])).items] == [4]
            for asked, statement, value, order in (
                (following, of_a, 2, ["id"]),
                (following, of_a, 1, ["-id"]),
                (following, of_a + " AND id > 0", 1, ["id"]),
                (replace(following, path="/others"), of_a, 1, ["id"]),
                (replace(following, cursor=following.cursor[:-2]), of_a, 1, ["id"]),
                (replace(following, cursor="%00é"), of_a, 1, ["id"]),
            ):
                with pytest.raises(InvalidCursor) as refused:
                    await database.page(Item, asked, statement, value, order=order)
                assert (refused.value.status, refused.value.code) == (400, "invalid-cursor")

    run(work)


def test_an_offset_where_it_is_asked_for(opened: Opened) -> None:
    async def work() -> None:
        async with opened() as database:
            await numbered(database, 7)
            query = PageQuery(limit=2, offset=0, farthest=4, path="/items")
            page = await database.page(Item, query, ALL, order=["-id"])
            assert ([item.id for item in page.items], page.next, page.prev) == ([7, 6], "/items?offset=2", None)
            page = await database.page(Item, at(page.next, query), ALL, order=["-id"])
            assert ([item.id for item in page.items], page.prev) == ([5, 4], "/items?offset=0")
            page = await database.page(Item, at(page.next, query), ALL, order=["-id"])
            assert ([item.id for item in page.items], page.next) == ([3, 2], None)  # six would be too far

    run(work)


def test_values_come_back_as_the_database_has_them(opened: Opened) -> None:
    async def work() -> None:
        async with opened() as database:
            await database.execute(
                "CREATE TABLE events (at timestamp NOT NULL, price numeric NOT NULL, key uuid NOT NULL, "
                "day date NOT NULL, sold boolean NOT NULL)"
            )
            moments = [datetime.datetime(2013, 7, 4, 12, 0, 0, number) for number in (0, 1, 999_999)]
            events = [
                Event(moment, decimal.Decimal(price), uuid.UUID(int=number), moment.date(), sold)
                for number, (moment, price, sold) in enumerate(
                    (moment, price, sold) for moment in moments for price in ("0.10", "7") for sold in (False, True)
                )
            ]
            for event in events:
                values = (event.at, event.price, event.key, event.day, event.sold)
                await database.execute("INSERT INTO events VALUES ($1, $2, $3, $4, $5)", *values)
            for order in (["at", "price", "sold"], ["-price", "-key"], ["day", "-key"], ["sold", "at", "key"]):
                query, seen = PageQuery(limit=5), list[Event]()
                page = await database.page(Event, query, "SELECT * FROM events", order=order)
                while page.next is not None:
                    seen += page.items
                    page = await database.page(Event, at(page.next, query), "SELECT * FROM events", order=order)
                seen += page.items
                assert len(seen) == len(events)
                assert {event.key for event in seen} == {event.key for event in events}

    run(work)


def test_an_order_that_does_not_tell_rows_apart_is_noticed(opened: Opened) -> None:
    async def work() -> None:
        async with opened() as database:
            await numbered(database, 5)
            with pytest.raises(ConfigurationError, match=r"two rows of a page of Item are alike in b; end the order"):
                await database.page(Item, PageQuery(), ALL, order=["b"])
            await database.execute("DROP TABLE items")
            await database.execute("CREATE TABLE items (id integer, a integer, b text, c double precision)")
            await insert(database, [Item(1, 1, "b", 1.0), Item(2, 1, None, 1.0)])  # type: ignore[arg-type]
            with pytest.raises(ConfigurationError, match=r"Item\.b is NULL in a row; order by 'b nulls last'"):
                await database.page(Item, PageQuery(), ALL, order=["b", "id"])

    run(work)


def test_a_page_within_a_transaction(opened: Opened) -> None:
    async def work() -> None:
        async with opened() as database:
            await numbered(database, 2)
            async with database.transaction() as transaction:
                await transaction.execute("INSERT INTO items VALUES (3, 1, 'b', 1)")
                page = await transaction.page(Item, PageQuery(limit=1), ALL, order=["-id"])
                assert [item.id for item in page.items] == [3]

    run(work)
