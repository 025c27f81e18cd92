"""However it is filtered, a page is a walk along an index: its cost does not grow with its place."""

from datetime import date
from itertools import combinations
from typing import Any

import pytest

from examples.flights.models.flights import Flight, FlightFilter
from examples.flights.store.flights import FlightStore, statement_of
from stanchion import Database, PageQuery
from stanchion.data.pages import PageRead
from tests.data.paging import at
from tests.examples.flights.conftest import Filled

VALUES = {"origin": "JFK", "dest": "LAX", "carrier": "UA", "date": date(2013, 7, 4)}
FILTERS = [dict(chosen) for count in range(5) for chosen in combinations(VALUES.items(), count)]
ORDER = ("date", "scheduled_departure", "id")


@pytest.mark.parametrize("given", FILTERS, ids=lambda given: "+".join(given) or "all")
def test_is_never_sorted_or_scanned(filled: Filled, given: dict[str, Any]) -> None:
    wanted = FlightFilter(**given)
    statement, values = statement_of(wanted)

    async def plan(database: Database) -> str:
        first = PageQuery(limit=1)
        page = await FlightStore(database).page(wanted, first)
        read = PageRead(Flight, at(page.next, first), statement, tuple(values), ORDER)
        explain = "EXPLAIN QUERY PLAN" if filled.url.startswith("sqlite") else "EXPLAIN"
        found = await database._statements.fetch(f"{explain} {read.statement}", read.values)
        return "\n".join(str(row[-1]) for row in found.rows)

    told = filled.ask(plan)
    if filled.url.startswith("sqlite"):
        assert told.startswith("SEARCH flights USING INDEX"), told
        assert "\n" not in told, told
    else:
        assert "Seq Scan" not in told, told
        assert "Index" in told, told
