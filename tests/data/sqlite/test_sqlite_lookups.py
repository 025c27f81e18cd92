"""Many keys in one statement: each has the row that a statement of its own finds, whatever the column makes of keys."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stanchion.data.driver import Lookup
from stanchion.data.sqlite.lookups import found

ROWS = [(1, "a", "a", 1.0), (2, "A", "b", 2.5), (3, "b", "B", 3.0), (4, "a", "1", None), (7, "7", "7", 7.0)]
COLUMNS = ("id", "name", "folded", "real")
INTEGERS = st.integers(-1, 9)
TEXTS = st.sampled_from(["a", "A", "b", "B", "7", "1", "1.0", "", "ä", "x"])
KEYS = st.one_of(
    st.lists(INTEGERS, unique=True, min_size=1, max_size=9), st.lists(TEXTS, unique=True, min_size=1, max_size=9)
)


@pytest.fixture(scope="module")
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as opened:
        opened.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT, folded TEXT COLLATE NOCASE, real REAL)")
        opened.executemany("INSERT INTO things VALUES (?, ?, ?, ?)", ROWS)
        yield opened


@pytest.mark.parametrize("key", COLUMNS)
@given(keys=KEYS)
@example(keys=[0, 1])
@example(keys=[4, 2, 9, 1])
def test_each_has_the_row_of_its_own_statement(connection: sqlite3.Connection, key: str, keys: list[int | str]) -> None:
    one = f"SELECT id, name, folded, real FROM things WHERE {key} = $1"
    lookup = Lookup("things", key, COLUMNS, one, "")
    alone = [connection.execute(one, {"1": each}).fetchone() for each in keys]
    together = found(connection, lookup, keys)
    assert [None if row is None else tuple(row) for row in together.rows] == alone
    assert together.columns == COLUMNS
