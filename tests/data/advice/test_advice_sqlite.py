"""Evidence from a SQLite file."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from stanchion.data.advice.evidence import Evidence
from stanchion.data.advice.rules import findings
from stanchion.data.advice.sqlite import evidence
from stanchion.data.options import DatabaseOptions, database_of
from stanchion.data.statements.exported import Seen
from stanchion.data.statements.text import verb_and_table
from tests.data.conftest import run

_NUMBERS = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 5000)"
_SCHEMA = f"""
CREATE TABLE flights (id INTEGER PRIMARY KEY, dest TEXT NOT NULL, day TEXT NOT NULL, open INTEGER NOT NULL);
INSERT INTO flights {_NUMBERS} SELECT n, 'to' || (n % 500), 'day ' || (n % 365), n % 2 FROM n;
CREATE TABLE codes (code TEXT PRIMARY KEY, name TEXT) WITHOUT ROWID;
INSERT INTO codes {_NUMBERS} SELECT 'c' || n, 'name ' || n FROM n;
CREATE VIEW departures AS SELECT * FROM flights WHERE open = 1;
CREATE TRIGGER shut AFTER UPDATE ON flights BEGIN UPDATE codes SET name = 'x' WHERE code = new.dest; END;
CREATE INDEX codes_name_idx ON codes (name);
CREATE INDEX flights_twice_idx ON flights (twice(id));
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of a file with a table of each kind, and an index that only the app can use."""
    made = tmp_path / "flights.db"
    with closing(sqlite3.connect(made)) as connection:
        connection.create_function("twice", 1, lambda value: 2 * value, deterministic=True)
        connection.executescript(_SCHEMA)
    return made


def looked_at(path: Path, statements: Sequence[str]) -> Evidence:
    found: list[Evidence] = []

    async def look() -> None:
        driver = database_of("test", f"sqlite:///{path}", DatabaseOptions()).driver
        await driver.open(1)
        seen = [
            Seen(database="main", text=one, example=one, verb=verb_and_table(one)[0], calls=1, seconds=1.0)
            for one in statements
        ]
        found.append(await evidence("main", driver, seen))
        await driver.close()

    run(look)
    return found[0]


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("SELECT * FROM flights WHERE dest = $1", '"flights" ("dest")'),
        ("SELECT * FROM departures WHERE dest = $1", '"flights" ("dest")'),
        ("SELECT * FROM flights WHERE dest = $1 ORDER BY day LIMIT $2", '"flights" ("dest", "day")'),
        ("DELETE FROM flights WHERE dest = $1 AND day < $2", '"flights" ("dest", "day")'),
        ("SELECT f.day FROM codes c JOIN flights f ON f.dest = c.name WHERE c.code = $1", '"flights" ("dest")'),
        ("SELECT f.day, '?' FROM flights AS f WHERE f.dest = ? AND f.open = ? LIMIT ?", '"flights" ("dest", "open")'),
        ("SELECT * FROM flights WHERE open = $1", None),  # half of them
        ("SELECT * FROM flights WHERE id = $1", None),
        ("SELECT * FROM codes WHERE code = $1", None),
        ("SELECT * FROM codes WHERE name = $1", None),
        ("INSERT INTO codes VALUES ($1, $2) RETURNING *", None),
    ],
)
def test_the_index_that_a_statement_lacks(path: Path, statement: str, index: str | None) -> None:
    found = looked_at(path, [statement])
    assert (found.unexplained, len(found.plans)) == ({}, 1)
    told = [finding.do.partition(" ON ")[2] for finding in findings(found) if finding.wanted]
    assert told == ([index] if index else [])


def test_tables_and_statements_that_are_not_there(path: Path) -> None:
    found = looked_at(path, ["SELECT * FROM gone", "SELECT * FROM flights WHERE dest = $1"])
    assert {name: table.rows for name, table in found.tables.items()} == {"flights": 5000, "codes": 5000}
    assert found.unexplained == {"SELECT * FROM gone": "no such table: gone"}
    assert len(found.plans) == 1
