"""Plans of a model of a SQLite database, and what an index on a column would be good for."""

import sqlite3
from collections.abc import Iterator

import pytest

from stanchion.data.advice.evidence import Index
from stanchion.data.advice.sqlite_plans import Model, Schema

SCHEMA = Schema(
    definitions=[
        "CREATE TABLE flights (id integer PRIMARY KEY, dest text, day text, seats integer UNIQUE)",
        'CREATE TABLE "bookings" (id integer PRIMARY KEY, flight integer REFERENCES flights(id), name text)',
        "CREATE INDEX bookings_flight_idx ON bookings (flight)",
        "CREATE INDEX bookings_name_idx ON bookings (name) WHERE name > ''",
    ]
)
SHARES = {"flights": {"dest": 0.01, "day": 0.001}, "bookings": {"name": 0.5}}


@pytest.fixture
def model() -> Iterator[Model]:
    made = Model(SCHEMA)
    yield made
    made.close()


def uses(model: Model, statement: str) -> list[tuple[str, bool, dict[str, str], tuple[str, ...]]]:
    scans = model.plan(statement, SHARES).scans
    return [(scan.table, scan.whole, {one.column: one.kind for one in scan.conditions}, scan.order) for scan in scans]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT * FROM flights WHERE dest = $1", ("flights", True, {"dest": "equal"}, ())),
        (
            "SELECT * FROM flights f WHERE f.dest = $1 AND f.day > $2",
            ("flights", True, {"dest": "equal", "day": "range"}, ()),
        ),
        ("SELECT * FROM flights AS x WHERE x.dest IN ($1, $2)", ("flights", True, {"dest": "equal"}, ())),
        ("UPDATE flights SET seats = 1 WHERE dest = $1", ("flights", True, {"dest": "equal"}, ())),
        ("SELECT * FROM flights ORDER BY day DESC LIMIT 5", ("flights", True, {}, ("day",))),
        ("SELECT * FROM flights ORDER BY day", ("flights", True, {}, ())),
        ("SELECT * FROM flights WHERE lower(dest) = $1", ("flights", True, {}, ())),
        ("SELECT * FROM flights WHERE id = $1", ("flights", False, {}, ())),
        ("SELECT * FROM bookings WHERE flight = $1", ("bookings", False, {}, ())),
        ("SELECT day, dest FROM flights", ("flights", True, {}, ())),
    ],
)
def test_what_an_index_would_be_good_for(
    model: Model, statement: str, expected: tuple[str, bool, dict[str, str], tuple[str, ...]]
) -> None:
    assert uses(model, statement) == [expected]


def test_parameters_and_shares(model: Model) -> None:
    [scan] = model.plan('SELECT * FROM flights WHERE day > $1 AND "dest" = $2', SHARES).scans
    assert {one.column: one.parameter for one in scan.conditions} == {"day": 1, "dest": 2}
    assert scan.share == 0.01
    [ranged] = model.plan("SELECT * FROM flights WHERE day > $1", SHARES).scans
    assert ranged.share == 0.25  # of a bound nothing is known


def test_indexes_in_use(model: Model) -> None:
    assert model.plan("SELECT * FROM bookings WHERE flight = $1", SHARES).indexes == {"bookings_flight_idx"}
    assert model.plan("SELECT flight FROM bookings ORDER BY flight", SHARES).indexes == {"bookings_flight_idx"}
    assert model.plan("SELECT count(*) FROM bookings", SHARES).indexes == frozenset()


def test_indexes_there_are(model: Model) -> None:
    told = {index.name: index for index in model.indexes()}
    assert told["bookings_flight_idx"] == Index(
        name="bookings_flight_idx", table="bookings", columns=("flight",), needed=True
    )  # of a foreign key
    assert (told["bookings_name_idx"].needed, told["bookings_name_idx"].partial) == (False, True)
    assert [index.needed for index in told.values() if index.table == "flights"] == [True]  # UNIQUE


def test_trying_leaves_nothing(model: Model) -> None:
    before = model.indexes()
    uses(model, "SELECT * FROM flights WHERE dest = $1")
    assert model.indexes() == before
    with pytest.raises(sqlite3.OperationalError, match="no such column: gone"):
        model.plan("SELECT gone FROM flights", SHARES)


def test_statistics_of_an_analyze_are_the_models_as_well() -> None:
    definitions = ["CREATE TABLE t (a, b)", "CREATE INDEX t_a ON t (a)", "CREATE INDEX t_b ON t (b)"]
    for better in ("t_a", "t_b"):
        statistics = [("t", name, "100000 1" if name == better else "100000 50000") for name in ("t_a", "t_b")]
        model = Model(Schema(definitions=definitions, statistics=statistics))
        assert model.plan("SELECT * FROM t WHERE a = $1 AND b = $2", {}).indexes == {better}
        model.close()
