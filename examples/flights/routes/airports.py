"""Airports by their code."""

from examples.flights.models.flights import Airport
from examples.flights.store.flights import FlightStore
from stanchion import NotFound, Router

router = Router("/airports", tags=["airports"])


@router.get("/{iata}", responses={404: "No such airport"})
async def airport(iata: str, flights: FlightStore) -> Airport:
    """One airport."""
    found = await flights.airport(iata)
    if found is None:
        raise NotFound(f"no airport has the code {iata!r}")
    return found
