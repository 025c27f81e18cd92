"""However it is filtered, a page is a walk along an index: its cost does not grow with its place."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from itertools import combinations
from pathlib import Path

import pytest

from examples.flights.load import FLIGHTS
from examples.flights.models.flights import FlightFilter
from examples.flights.store.flights import START, page_query

VALUES = {"origin": "JFK", "dest": "LAX", "carrier": "UA", "date": date(2013, 7, 4)}
FILTERS = [dict(chosen) for count in range(5) for chosen in combinations(VALUES.items(), count)]


@pytest.fixture
def database(data: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(data / FLIGHTS)) as connection:
        yield connection


@pytest.mark.parametrize("given", FILTERS, ids=lambda given: "+".join(given) or "all")
def test_is_never_sorted_or_scanned(database: sqlite3.Connection, given: dict[str, object]) -> None:
    sql, values = page_query(FlightFilter(**given), START, 50)  # type: ignore[arg-type]
    plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    assert len(plan) == 1
    assert plan[0].startswith("SEARCH flights USING INDEX")
