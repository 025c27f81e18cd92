"""Bookings: made, read and cancelled."""

from uuid import UUID

from examples.flights.models.bookings import Booking, BookingRequest
from examples.flights.store.bookings import BookingStore, SeatTaken
from examples.flights.store.flights import FlightStore
from stanchion import Limit, NotFound, Response, Router
from stanchion.errors import Conflict

router = Router("/bookings", tags=["bookings"], priority="critical")


@router.post(
    "",
    status=201,
    responses={404: "No such flight", 409: "The flight is cancelled or a seat is taken", 429: "Too many bookings"},
    # a travel agency's desk, not a script that holds every seat
    limit=Limit("60/min", burst=30, by="ip", name="bookings"),
    invalidates=["bookings"],  # what /stats/bookings has told is no longer so, in any worker
)
async def book(wanted: BookingRequest, flights: FlightStore, bookings: BookingStore) -> Booking | Response:
    """Book seats for a party; all of them or none."""
    flight = await flights.flight(wanted.flight_id)
    if flight is None:
        raise NotFound(f"no flight has the id {wanted.flight_id}", code="unknown-flight")
    if flight.departure is None:
        raise Conflict(f"flight {wanted.flight_id} is cancelled", code="flight-cancelled")
    try:
        made = await bookings.add(wanted)
    except SeatTaken as taken:
        raise Conflict(f"seat {taken.seat} is taken", code="seat-taken", seat=taken.seat) from None
    return Response(made, status=201, headers={"Location": f"/bookings/{made.id}"})


@router.get("/{id}", responses={404: "No such booking"})
async def booking(id: UUID, bookings: BookingStore) -> Booking:
    """One booking."""
    found = await bookings.get(id)
    if found is None:
        raise _no_booking(id)
    return found


@router.delete("/{id}", status=204, responses={404: "No such booking"}, invalidates=["bookings"])
async def cancel(id: UUID, bookings: BookingStore) -> None:
    """Cancel a booking and free its seats."""
    if not await bookings.remove(id):
        raise _no_booking(id)


def _no_booking(id: UUID) -> NotFound:
    return NotFound(f"no booking has the id {id}")
