"""What the year looked like, and what is booked."""

from examples.flights.models.bookings import BookingStatistics
from examples.flights.models.delays import DelayStatistics, Grouping
from examples.flights.store.bookings import BookingStore
from examples.flights.store.flights import FlightStore
from stanchion import Cache, Router

# The whole year takes a connection of the pool for tenths of a second: two at a time leave the others for the rest.
router = Router("/stats", tags=["statistics"], priority="background", concurrency=2, timeout=10)


@router.get("/delays", cache=Cache(ttl=300, stale=3600, tags=["delays"]))
async def delays(by: Grouping, flights: FlightStore) -> DelayStatistics:
    """Departure delays and cancellations by carrier, month or origin. Walks all 336,776 flights."""
    return DelayStatistics(by, await flights.delays(by))


@router.get("/bookings", cache=Cache(ttl=60, tags=["bookings"]))
async def booked(bookings: BookingStore) -> BookingStatistics:
    """How much is booked; worked out anew after a booking or a cancellation."""
    return await bookings.totals()
