"""What the year looked like."""

from examples.flights.models.delays import DelayStatistics, Grouping
from examples.flights.store.flights import FlightStore
from stanchion import Router

router = Router("/stats", tags=["statistics"])


@router.get("/delays")
async def delays(by: Grouping, flights: FlightStore) -> DelayStatistics:
    """Departure delays and cancellations by carrier, month or origin. Walks all 336,776 flights."""
    return DelayStatistics(by, await flights.delays(by))
