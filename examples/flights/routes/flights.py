"""Flights, page by page and one by one."""

from typing import Annotated

from examples.flights.models.flights import Flight, FlightDetail, FlightFilter, FlightId
from examples.flights.store.flights import FlightStore
from stanchion import NotFound, Page, PageQuery, Query, Router

router = Router("/flights", tags=["flights"])


@router.get("")
async def flights(wanted: Annotated[FlightFilter, Query()], page: PageQuery, store: FlightStore) -> Page[Flight]:
    """Flights by date, scheduled departure and id."""
    return await store.page(wanted, page)


@router.get("/{id}", responses={404: "No such flight"})
async def flight(id: FlightId, store: FlightStore) -> FlightDetail:
    """One flight with its airline, its plane and the weather when it was to leave."""
    found = await store.detail(id)
    if found is None:
        raise NotFound(f"no flight has the id {id}")
    return found
