"""A page is a walk along an index: what EXPLAIN says of the statements, on both databases."""

import pytest
from msgspec import Struct

from stanchion.data.database import Database
from stanchion.data.pages import PageRead
from stanchion.http.pages import PageQuery
from tests.data.conftest import Opened, run
from tests.data.paging import at

STATEMENT = "SELECT * FROM flights WHERE id > $1 OR dest > $1"


class Flight(Struct):
    id: int
    dest: int


async def plan(database: Database, query: PageQuery, order: tuple[str, ...]) -> str:
    read = PageRead(Flight, query, STATEMENT, (-1,), order)
    explain = "EXPLAIN QUERY PLAN" if "SQLite" in repr(database) else "EXPLAIN"
    found = await database._statements.fetch(f"{explain} {read.statement}", read.values)
    return "\n".join(str(row[-1]) for row in found.rows)


@pytest.mark.parametrize("order", [("dest", "id"), ("-dest", "-id"), ("dest", "-id")])
def test_a_page_is_a_walk_along_an_index(opened: Opened, order: tuple[str, ...]) -> None:
    async def work() -> None:
        async with opened() as database:
            await database.execute("CREATE TABLE flights (id integer PRIMARY KEY, dest integer NOT NULL)")
            await database.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
                "INSERT INTO flights SELECT i, i % 100 FROM n"
            )
            mixed = "DESC" if order == ("dest", "-id") else ""
            await database.execute(f"CREATE INDEX by_dest ON flights (dest, id {mixed})")
            await database.execute("ANALYZE")
            first = PageQuery(limit=50)
            page = await database.page(Flight, first, STATEMENT, -1, order=order)
            for query in (first, at(page.next, first)):
                told = await plan(database, query, order)
                assert "by_dest" in told, told
                assert "sort" not in told.lower(), told
                assert "TEMP B-TREE" not in told, told
                if query.cursor:  # a range, not a walk from the beginning
                    assert "Index Cond" in told or "SEARCH" in told, told

    run(work)
