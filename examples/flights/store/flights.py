"""Airports and flights, read from the database that load.py made."""

import sqlite3
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from examples.flights.models.delays import DelayGroup, Grouping
from examples.flights.models.flights import (
    Airline,
    Airport,
    Flight,
    FlightDetail,
    FlightFilter,
    FlightId,
    Plane,
    Weather,
)
from examples.flights.store import delays
from examples.flights.store.pool import Pool

_FLIGHT = (
    "SELECT id, date, scheduled_departure, departure, departure_delay, scheduled_arrival, arrival,"
    " arrival_delay, carrier, number, tail_number, origin, dest, air_time, distance FROM flights"
)
_FILTERS = {"origin": "origin = ?", "dest": "dest = ?", "carrier": "carrier = ?", "date": "date = ?"}


class Position(NamedTuple):
    """A place in the order of all flights: that of the flight it was made from."""

    date: str
    scheduled_departure: str
    id: FlightId


START = Position("", "", 0)
"""Before every flight."""


class FlightStore:
    """The flights of 2013; read only."""

    def __init__(self, path: Path, threads: int = 4) -> None:
        self._pool = Pool(f"{path.as_uri()}?mode=ro", threads)

    def close(self) -> None:
        """Close the database; later calls fail."""
        self._pool.close()

    async def airport(self, iata: str) -> Airport | None:
        """The airport of that code."""
        return await self._pool.run(_airport, iata)

    async def flight(self, id: int) -> FlightDetail | None:
        """The flight of that id, with all that is known about it."""
        return await self._pool.run(_detail, id)

    async def is_cancelled(self, id: int) -> bool | None:
        """Whether the flight never left; None where there is no such flight."""
        return await self._pool.run(_is_cancelled, id)

    async def page(self, wanted: FlightFilter, after: Position, limit: int) -> list[Flight]:
        """Up to `limit` flights that follow `after`, by date, scheduled departure and id."""
        return await self._pool.run(_page, wanted, after, limit)

    async def delays(self, by: Grouping) -> list[DelayGroup]:
        """Departure delays of the whole year, group by group; walks every flight."""
        return await self._pool.run(delays.by_group, by)


def position(flight: Flight) -> Position:
    """The flight's place in the order of pages."""
    return Position(flight.date.isoformat(), flight.scheduled_departure, flight.id)


def _airport(db: sqlite3.Connection, iata: str) -> Airport | None:
    row = _row(db, "SELECT * FROM airports WHERE iata = ?", iata)
    return Airport(*row) if row else None


def _detail(db: sqlite3.Connection, id: int) -> FlightDetail | None:
    row = _row(db, f"{_FLIGHT} WHERE id = ?", id)
    if row is None:
        return None
    flight = _flight(row)
    airline = _row(db, "SELECT carrier, name FROM airlines WHERE carrier = ?", flight.carrier)
    plane = _row(db, "SELECT * FROM planes WHERE tail_number = ?", flight.tail_number)
    weather = _row(db, "SELECT weather.* FROM flights JOIN weather USING (origin, hour) WHERE id = ?", id)
    return FlightDetail(
        flight=flight,
        airline=Airline(*airline) if airline else Airline(flight.carrier, flight.carrier),
        plane=Plane(*plane) if plane else None,
        weather=Weather(*weather) if weather else None,
    )


def _is_cancelled(db: sqlite3.Connection, id: int) -> bool | None:
    row = _row(db, "SELECT departure IS NULL FROM flights WHERE id = ?", id)
    return bool(row[0]) if row else None


def _page(db: sqlite3.Connection, wanted: FlightFilter, after: Position, limit: int) -> list[Flight]:
    return [_flight(row) for row in db.execute(*page_query(wanted, after, limit))]


def page_query(wanted: FlightFilter, after: Position, limit: int) -> tuple[str, list[object]]:
    """The page's SQL and its parameters. What is not wanted is left out, so that an index serves the rest."""
    values = {name: getattr(wanted, name) for name in _FILTERS}
    given = {name: str(value) for name, value in values.items() if value is not None}
    conditions = [*(_FILTERS[name] for name in given), "(date, scheduled_departure, id) > (?, ?, ?)"]
    sql = f"{_FLIGHT} WHERE {' AND '.join(conditions)} ORDER BY date, scheduled_departure, id LIMIT ?"
    return sql, [*given.values(), *after, limit]


def _flight(row: tuple[Any, ...]) -> Flight:
    id, day, *rest = row
    return Flight(id, date.fromisoformat(day), *rest)


def _row(db: sqlite3.Connection, sql: str, *values: object) -> tuple[Any, ...] | None:
    row: tuple[Any, ...] | None = db.execute(sql, values).fetchone()
    return row
