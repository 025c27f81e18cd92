"""A seat is sold once, and a booking with its seats is kept or not kept as a whole."""

import asyncio
from uuid import uuid4

import msgspec
import pytest

from examples.flights.models.bookings import Booking, BookingRequest
from examples.flights.store.bookings import BookingStore, SeatTaken
from stanchion import Database
from tests.examples.flights.conftest import Filled, opened


def party(document: dict[str, object], *seats: str) -> BookingRequest:
    request = msgspec.convert(document, BookingRequest)
    traveller = request.passengers[0]
    passengers = [msgspec.structs.replace(traveller, seat=seat) for seat in seats]
    return msgspec.structs.replace(request, passengers=passengers)


def test_survives_the_store(filled: Filled, booking_request: dict[str, object]) -> None:
    async def add(database: Database) -> Booking:
        return await BookingStore(database).add(party(booking_request, "1A", "1B"))

    made = filled.ask(add)
    assert filled.ask(lambda database: BookingStore(database).get(made.id)) == made


def test_party_gets_all_its_seats_or_none(filled: Filled, booking_request: dict[str, object]) -> None:
    async def scenario(database: Database) -> None:
        store = BookingStore(database)
        await store.add(party(booking_request, "2B"))
        with pytest.raises(SeatTaken) as refusal:
            await store.add(party(booking_request, "2A", "2B"))
        assert refusal.value.seat == "2B"
        await store.add(party(booking_request, "2A"))  # the refused party left it free

    filled.ask(scenario)


def test_seat_is_sold_once(filled: Filled, booking_request: dict[str, object]) -> None:
    async def scenario(one: Database) -> list[object]:
        async with opened(filled.url) as other:
            stores = [BookingStore(one), BookingStore(other)]
            buyers = [store.add(party(booking_request, "9F")) for store in stores for _ in range(10)]
            return await asyncio.gather(*buyers, return_exceptions=True)

    outcomes = filled.ask(scenario)
    assert sum(isinstance(outcome, SeatTaken) for outcome in outcomes) == 19
    assert sum(not isinstance(outcome, Exception) for outcome in outcomes) == 1


def test_removal_frees_the_seats(filled: Filled, booking_request: dict[str, object]) -> None:
    async def scenario(database: Database) -> None:
        store = BookingStore(database)
        made = await store.add(party(booking_request, "3C"))
        assert await store.remove(made.id)
        assert await store.get(made.id) is None
        assert await store.add(party(booking_request, "3C")) != made

    filled.ask(scenario)


def test_removal_of_nothing_says_so(filled: Filled) -> None:
    assert filled.ask(lambda database: BookingStore(database).remove(uuid4())) is False
