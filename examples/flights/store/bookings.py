"""Bookings: each with its seats, all of them or none."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import msgspec

from examples.flights.models.bookings import Booking, BookingRequest, BookingStatistics
from stanchion import Database
from stanchion.errors import Conflict

_TOTALS = """
SELECT (SELECT count(*) FROM bookings) AS bookings, count(*) AS seats, count(DISTINCT flight_id) AS flights FROM seats
"""


class SeatTaken(Exception):
    """A seat that was asked for is another's, or was asked for twice."""

    def __init__(self, seat: str) -> None:
        super().__init__(seat)
        self.seat = seat


class BookingStore:
    """Bookings by id. A booking and its seats are written together or not at all."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, request: BookingRequest) -> Booking:
        """Keep a booking of the seats asked for.

        Raises:
            SeatTaken: nothing was kept.
        """
        booking = Booking(id=uuid4(), created=datetime.now(UTC), request=request)
        document = msgspec.json.encode(booking).decode()
        async with self._database.transaction() as transaction:
            row = (booking.id, request.flight_id, document)
            await transaction.execute("INSERT INTO bookings (id, flight_id, document) VALUES ($1, $2, $3)", *row)
            for passenger in request.passengers:
                seat = (request.flight_id, passenger.seat, booking.id)
                try:
                    await transaction.execute(
                        "INSERT INTO seats (flight_id, seat, booking_id) VALUES ($1, $2, $3)", *seat
                    )
                except Conflict:  # with the key of seats
                    raise SeatTaken(passenger.seat) from None
        return booking

    async def get(self, id: UUID) -> Booking | None:
        """The booking of that id."""
        document = await self._database.one(str, "SELECT document FROM bookings WHERE id = $1", id)
        return None if document is None else _decode(document)

    async def totals(self) -> BookingStatistics:
        """How much is booked."""
        totals = await self._database.one(BookingStatistics, _TOTALS)
        assert totals is not None  # what counts has a row
        return totals

    async def remove(self, id: UUID) -> bool:
        """Forget a booking and free its seats; False where there is none."""
        return await self._database.execute("DELETE FROM bookings WHERE id = $1", id) == 1


_decode = msgspec.json.Decoder(Booking).decode
