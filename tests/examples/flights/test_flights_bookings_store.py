"""A seat is sold once, and a booking with its seats is kept or not kept as a whole."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from examples.flights.models.bookings import BookingRequest
from examples.flights.store.bookings import BookingStore, SeatTaken


@pytest.fixture
def store(tmp_path: Path) -> Iterator[BookingStore]:
    with closing(BookingStore(tmp_path / "bookings.db")) as store:
        yield store


def party(document: dict[str, object], *seats: str) -> BookingRequest:
    request = msgspec.convert(document, BookingRequest)
    traveller = request.passengers[0]
    passengers = [msgspec.structs.replace(traveller, seat=seat) for seat in seats]
    return msgspec.structs.replace(request, passengers=passengers)


def test_survives_the_store(tmp_path: Path, booking_request: dict[str, object]) -> None:
    async def scenario() -> None:
        with closing(BookingStore(tmp_path / "kept.db")) as store:
            made = await store.add(party(booking_request, "1A", "1B"))
        with closing(BookingStore(tmp_path / "kept.db")) as store:
            assert await store.get(made.id) == made

    asyncio.run(scenario())


def test_party_gets_all_its_seats_or_none(store: BookingStore, booking_request: dict[str, object]) -> None:
    async def scenario() -> None:
        await store.add(party(booking_request, "2B"))
        with pytest.raises(SeatTaken) as refusal:
            await store.add(party(booking_request, "2A", "2B"))
        assert refusal.value.seat == "2B"
        await store.add(party(booking_request, "2A"))  # the refused party left it free

    asyncio.run(scenario())


def test_seat_is_sold_once(tmp_path: Path, booking_request: dict[str, object]) -> None:
    async def scenario() -> list[object]:
        path = tmp_path / "contested.db"
        with closing(BookingStore(path)) as one, closing(BookingStore(path)) as other:
            buyers = [store.add(party(booking_request, "9F")) for store in (one, other) for _ in range(10)]
            return await asyncio.gather(*buyers, return_exceptions=True)

    outcomes = asyncio.run(scenario())
    assert sum(isinstance(outcome, SeatTaken) for outcome in outcomes) == 19
    assert sum(not isinstance(outcome, Exception) for outcome in outcomes) == 1


def test_removal_frees_the_seats(store: BookingStore, booking_request: dict[str, object]) -> None:
    async def scenario() -> None:
        made = await store.add(party(booking_request, "3C"))
        assert await store.remove(made.id)
        assert await store.get(made.id) is None
        assert await store.add(party(booking_request, "3C")) != made

    asyncio.run(scenario())


def test_removal_of_nothing_says_so(store: BookingStore) -> None:
    assert asyncio.run(store.remove(uuid4())) is False
