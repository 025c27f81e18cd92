"""Airports, flights and what is known about them."""

from datetime import date
from typing import Annotated

from msgspec import Meta, Struct

AirportCode = Annotated[str, Meta(pattern="^[0-9A-Z]{3}$", description="IATA or FAA code", examples=["JFK"])]
CarrierCode = Annotated[str, Meta(pattern="^[0-9A-Z]{2}$", description="IATA carrier code", examples=["UA"])]
FlightId = Annotated[int, Meta(ge=1, lt=2**31)]
Day = Annotated[date, Meta(description="Local day of scheduled departure")]
Clock = Annotated[str, Meta(description="Local wall-clock time, 24 hours", examples=["09:05"])]
Minutes = Annotated[int, Meta(description="Minutes; negative is early")]


class Airport(Struct, frozen=True):
    """An airport in the United States."""

    iata: str
    name: str
    latitude: float
    longitude: float
    altitude: Annotated[int, Meta(description="Feet")]
    utc_offset: Annotated[int, Meta(description="Hours, standard time")]
    dst: Annotated[str, Meta(description="Daylight saving: A as in the US, N none, U unknown")]
    time_zone: Annotated[str | None, Meta(description="IANA name, where known")]


class Airline(Struct, frozen=True):
    """A carrier and its name."""

    carrier: str
    name: str


class Plane(Struct, frozen=True):
    """An aircraft, from the FAA's registry."""

    tail_number: str
    year: Annotated[int | None, Meta(description="Of manufacture")]
    type: str
    manufacturer: str
    model: str
    engines: int
    seats: int
    speed: Annotated[int | None, Meta(description="Cruising, miles an hour")]
    engine: str


class Weather(Struct, frozen=True):
    """The weather at an origin in one hour."""

    origin: str
    hour: Annotated[str, Meta(description="Its beginning, UTC", examples=["2013-07-04T13:00:00Z"])]
    temperature: Annotated[float | None, Meta(description="°F")]
    dew_point: Annotated[float | None, Meta(description="°F")]
    humidity: Annotated[float | None, Meta(description="Relative, per cent")]
    wind_direction: Annotated[int | None, Meta(description="Degrees")]
    wind_speed: Annotated[float | None, Meta(description="Miles an hour")]
    wind_gust: Annotated[float | None, Meta(description="Miles an hour")]
    precipitation: Annotated[float, Meta(description="Inches")]
    pressure: Annotated[float | None, Meta(description="At sea level, millibars")]
    visibility: Annotated[float, Meta(description="Miles")]


class Flight(Struct, frozen=True):
    """One flight of 2013. A cancelled one has no departure, a diverted one no arrival delay."""

    id: int
    date: Day
    scheduled_departure: Clock
    departure: Clock | None
    departure_delay: Minutes | None
    scheduled_arrival: Clock
    arrival: Clock | None
    arrival_delay: Minutes | None
    carrier: str
    number: int
    tail_number: str | None
    origin: str
    dest: str
    air_time: Annotated[int | None, Meta(description="Minutes")]
    distance: Annotated[int, Meta(description="Miles")]


class FlightDetail(Struct, frozen=True):
    """A flight with its airline and, where known, its plane and the weather when it was to leave."""

    flight: Flight
    airline: Airline
    plane: Plane | None
    weather: Weather | None


class FlightFilter(Struct, frozen=True, kw_only=True):
    """Which flights a page is of; None does not restrict."""

    origin: AirportCode | None = None
    dest: AirportCode | None = None
    carrier: CarrierCode | None = None
    date: Day | None = None
