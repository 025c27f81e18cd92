"""Flights, page by page and one by one."""

from typing import Annotated

from msgspec import Meta

from examples.flights.models.flights import FlightDetail, FlightFilter, FlightId, FlightPage
from examples.flights.routes.paging import decode_cursor, next_path
from examples.flights.store.flights import START, FlightStore, position
from stanchion import NotFound, Query, Response, Router

router = Router("/flights", tags=["flights"])

Limit = Annotated[int, Meta(ge=1, le=200, description="Flights a page")]
Cursor = Annotated[str, Meta(max_length=200, description="From the previous page's `next`")]


@router.get("")
async def flights(
    wanted: Annotated[FlightFilter, Query()],
    store: FlightStore,
    limit: Limit = 50,
    cursor: Cursor | None = None,
) -> FlightPage | Response:
    """Flights by date, scheduled departure and id; the `Link` header leads to the next page (RFC 8288)."""
    after = decode_cursor(cursor) if cursor else START
    found = await store.page(wanted, after, limit + 1)  # one more tells whether there is a next page
    if len(found) <= limit:
        return FlightPage(items=found, next=None)
    following = next_path("/flights", wanted, limit, position(found[limit - 1]))
    page = FlightPage(items=found[:limit], next=following)
    return Response(page, headers={"Link": f'<{following}>; rel="next"'})


@router.get("/{id}", responses={404: "No such flight"})
async def flight(id: FlightId, store: FlightStore) -> FlightDetail:
    """One flight with its airline, its plane and the weather when it was to leave."""
    found = await store.flight(id)
    if found is None:
        raise NotFound(f"no flight has the id {id}")
    return found
