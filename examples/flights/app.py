"""The app: `stanchion serve examples.flights.app:app`."""

from collections.abc import AsyncIterator

from examples.flights.load import database_url, load
from examples.flights.routes import airports, bookings, flights, statistics
from examples.flights.store.bookings import BookingStore
from examples.flights.store.flights import FlightStore
from stanchion import App, Limit


def flights_app(url: str) -> App:
    """The app over the database at `url`, which is filled at the first start."""
    # Each client by its address; a page of the site makes ten requests, an office shares one address.
    app = App("flights", timeout=2, limit=Limit("300/s", burst=600, name="everybody"))
    database = app.database(url)
    for area in (airports, flights, statistics, bookings):
        app.include(area.router)

    @app.lifespan
    async def stores(app: App) -> AsyncIterator[None]:
        """Fill the database if this is the first start; what reads and writes it is given to handlers."""
        await load(url)
        app.provide(FlightStore, FlightStore(database))
        app.provide(BookingStore, BookingStore(database))
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

    return app


app = flights_app(database_url())
