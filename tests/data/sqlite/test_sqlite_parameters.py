"""`$1`, `$2`, … as SQLite is given them: what each stands for is the same as by its name."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.data.database import Database
from stanchion.data.failures import ValueRefused
from stanchion.data.sqlite.driver import SQLite
from stanchion.data.sqlite.parameters import bound
from stanchion.errors import ConfigurationError
from tests.data.conftest import LIMITS, run

BETWEEN = ["+ 0", "|| ''", "-- $1\n", "/* $2 */", "|| '$3'", 'AS "$1"', "AS [$2]", "AS `$3`", "AS a$1"]


def told(statement: str, values: Any) -> list[Any]:
    connection = sqlite3.connect(":memory:")
    try:
        cursor = connection.execute(statement, values)
        return [*(column[0] for column in cursor.description), *cursor.fetchall()]
    finally:
        connection.close()


@given(st.lists(st.tuples(st.integers(1, 12), st.sampled_from(BETWEEN)), min_size=1, max_size=20))
def test_they_mean_what_their_names_do(parts: list[tuple[int, str]]) -> None:
    statement = "SELECT " + "\n, ".join(f"${number} {rest}" for number, rest in parts)
    values = [f"value {number}" for number in range(1, max(number for number, _ in parts) + 1)]
    by_name = {str(number): value for number, value in enumerate(values, 1)}
    by_place = told(*bound(statement, values))
    columns = [name for name, (_, rest) in zip(by_place, parts, strict=False) if rest.startswith("AS")]
    assert columns == [rest[3:].strip('"[]`') for _, rest in parts if rest.startswith("AS")]
    assert by_place[len(parts) :] == told(statement, by_name)[len(parts) :]


def test_each_is_named_once_at_most() -> None:
    numbers = range(1, 1001)
    statement = f"SELECT {', '.join(f'${number}' for number in reversed(numbers))}, $7"
    text, values = bound(statement, list(numbers))
    assert text == f"SELECT {'?, ' * 1000}?994"  # where $7 has come from the other end
    assert values == list(reversed(numbers))


def test_as_many_values_as_parameters() -> None:
    assert bound("SELECT 1", ()) == ("SELECT 1", [])
    with pytest.raises(ConfigurationError, match=r"^2 values belong to \$1, \$2, … .* came with 1: SELECT \$1, \$2"):
        bound("SELECT $1, $2", ["one"])
    with pytest.raises(ConfigurationError, match=r"^0 values belong .* came with 1: SELECT '\$1'"):
        bound("SELECT '$1'", ["one"])
    with pytest.raises(ValueRefused):
        bound("SELECT $1", [1 << 63])


def test_many_through_a_database(tmp_path: Path) -> None:
    async def work() -> None:
        database = Database("test", SQLite(str(tmp_path / "test.db"), LIMITS))
        await database.open()
        try:
            rows = ", ".join(f"(${2 * row + 2}, ${2 * row + 1})" for row in range(2000))
            await database.execute("CREATE TABLE pairs (a integer, b integer)")
            assert await database.execute(f"INSERT INTO pairs VALUES {rows}", *range(4000)) == 2000
            assert await database.one(int, "SELECT count(*) FROM pairs WHERE a = b + 1 AND a % 2 = 1") == 2000
            same = "SELECT a FROM pairs WHERE a = $1 UNION ALL SELECT b FROM pairs WHERE b < $2 AND a > $2 OR a = $1"
            assert await database.all(int, same, 7, 4) == [7, 6]
            assert [b async for b in database.stream(int, "SELECT b FROM pairs WHERE $2 > b AND b > $1", 3, 7)] == [
                4,
                6,
            ]
        finally:
            await database.close()

    run(work)
