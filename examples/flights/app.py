"""The app: `stanchion serve examples.flights.app:app`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing

from examples.flights.load import data_directory, load
from examples.flights.routes import airports, bookings, flights, statistics
from examples.flights.store.bookings import BookingStore
from examples.flights.store.flights import FlightStore
from stanchion import App, Limit

# Each client by its address; a page of the site makes ten requests, an office shares one address.
app = App("flights", timeout=2, limit=Limit("300/s", burst=600, name="everybody"))
for area in (airports, flights, statistics, bookings):
    app.include(area.router)


@app.lifespan
async def stores(app: App) -> AsyncIterator[None]:
    """Make the database if this is the first start, and hold both stores open while the app serves."""
    directory = data_directory()
    path = await asyncio.to_thread(load, directory)
    with (
        closing(FlightStore(path)) as flight_store,
        closing(BookingStore(directory / "bookings.db")) as booking_store,
    ):
        app.provide(FlightStore, flight_store)
        app.provide(BookingStore, booking_store)
        yield


@app.get("/")
async def index() -> dict[str, str]:
    """Where to go from here."""
    return {
        "airport": "/airports/{iata}",
        "flights": "/flights{?origin,dest,carrier,date,limit,cursor}",
        "flight": "/flights/{id}",
        "delays": "/stats/delays{?by}",
        "booked": "/stats/bookings",
        "bookings": "/bookings",
        "openapi": "/openapi.json",
        "docs": "/docs",
    }
