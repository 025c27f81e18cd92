"""Bookings, in a database of their own: the flights can be built anew without losing them."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import msgspec

from examples.flights.models.bookings import Booking, BookingRequest, BookingStatistics
from examples.flights.store.pool import Pool

_SCHEMA = """
CREATE TABLE IF NOT EXISTS bookings (
    id        TEXT PRIMARY KEY,
    flight_id INTEGER NOT NULL,
    document  BLOB    NOT NULL -- the whole booking as JSON
) STRICT;

-- The key is the promise that a seat is sold once, however many workers sell.
CREATE TABLE IF NOT EXISTS seats (
    flight_id  INTEGER NOT NULL,
    seat       TEXT    NOT NULL,
    booking_id TEXT    NOT NULL REFERENCES bookings (id) ON DELETE CASCADE,
    PRIMARY KEY (flight_id, seat)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS seats_by_booking ON seats (booking_id);
"""

_SETUP = f"PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; {_SCHEMA}"


class SeatTaken(Exception):
    """A seat that was asked for is another's, or was asked for twice."""

    def __init__(self, seat: str) -> None:
        super().__init__(seat)
        self.seat = seat


class BookingStore:
    """Bookings by id. A booking and its seats are written together or not at all."""

    def __init__(self, path: Path, threads: int = 2) -> None:
        self._pool = Pool(path.as_uri(), threads, _SETUP)

    def close(self) -> None:
        """Close the database; later calls fail."""
        self._pool.close()

    async def add(self, request: BookingRequest) -> Booking:
        """Keep a booking of the seats asked for.

        Raises:
            SeatTaken: nothing was kept.
        """
        booking = Booking(id=uuid4(), created=datetime.now(UTC), request=request)
        await self._pool.run(_add, booking)
        return booking

    async def get(self, id: UUID) -> Booking | None:
        """The booking of that id."""
        return await self._pool.run(_get, id)

    async def totals(self) -> BookingStatistics:
        """How much is booked."""
        return await self._pool.run(_totals)

    async def remove(self, id: UUID) -> bool:
        """Forget a booking and free its seats; False where there is none."""
        return await self._pool.run(_remove, id)


def _add(db: sqlite3.Connection, booking: Booking) -> None:
    id, flight = str(booking.id), booking.request.flight_id
    db.execute("BEGIN IMMEDIATE")  # take the write lock now: upgrading a read lock later can fail
    with db:
        db.execute("INSERT INTO bookings VALUES (?, ?, ?)", (id, flight, msgspec.json.encode(booking)))
        for passenger in booking.request.passengers:
            try:
                db.execute("INSERT INTO seats VALUES (?, ?, ?)", (flight, passenger.seat, id))
            except sqlite3.IntegrityError:
                raise SeatTaken(passenger.seat) from None


def _get(db: sqlite3.Connection, id: UUID) -> Booking | None:
    row = db.execute("SELECT document FROM bookings WHERE id = ?", (str(id),)).fetchone()
    return _decode(row[0]) if row else None


def _totals(db: sqlite3.Connection) -> BookingStatistics:
    (bookings,) = db.execute("SELECT count(*) FROM bookings").fetchone()
    seats, flights = db.execute("SELECT count(*), count(DISTINCT flight_id) FROM seats").fetchone()
    return BookingStatistics(bookings=bookings, seats=seats, flights=flights)


def _remove(db: sqlite3.Connection, id: UUID) -> bool:
    return db.execute("DELETE FROM bookings WHERE id = ?", (str(id),)).rowcount == 1


_decode = msgspec.json.Decoder(Booking).decode
