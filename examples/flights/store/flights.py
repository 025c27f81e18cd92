"""Airports and flights, as load.py has filled them in; read only."""

import asyncio

from examples.flights.models.delays import DelayGroup, Grouping
from examples.flights.models.flights import Airline, Airport, Flight, FlightDetail, FlightFilter, Plane, Weather
from examples.flights.store import delays
from stanchion import Database, Page, PageQuery

_FILTERS = ("origin", "dest", "carrier", "date")
_WEATHER = "SELECT weather.* FROM flights JOIN weather USING (origin, hour) WHERE id = $1"


class FlightStore:
    """The flights of 2013."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def airport(self, iata: str) -> Airport | None:
        """The airport of that code."""
        return await self._database.find(Airport, iata)

    async def flight(self, id: int) -> Flight | None:
        """The flight of that id."""
        return await self._database.find(Flight, id)

    async def detail(self, id: int) -> FlightDetail | None:
        """The flight of that id, with all that is known about it."""
        database = self._database
        flight = await self.flight(id)
        if flight is None:
            return None
        airline, plane, weather = await asyncio.gather(
            database.find(Airline, flight.carrier),
            database.find(Plane, flight.tail_number),
            database.one(Weather, _WEATHER, id),
        )
        return FlightDetail(flight, airline or Airline(flight.carrier, flight.carrier), plane, weather)

    async def page(self, wanted: FlightFilter, page: PageQuery) -> Page[Flight]:
        """A page of the flights that are wanted, by date, scheduled departure and id."""
        statement, values = statement_of(wanted)
        return await self._database.page(Flight, page, statement, *values, order=("date", "scheduled_departure", "id"))

    async def delays(self, by: Grouping) -> list[DelayGroup]:
        """Departure delays of the whole year, group by group; walks every flight."""
        return await delays.by_group(self._database, by)


def statement_of(wanted: FlightFilter) -> tuple[str, list[object]]:
    """The SQL for the flights that are wanted, and its parameters. What does not matter is left out, so that an index
    serves the rest."""
    given = {name: value for name in _FILTERS if (value := getattr(wanted, name)) is not None}
    conditions = [f"{name} = ${number}" for number, name in enumerate(given, start=1)]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT * FROM flights{where}", list(given.values())
