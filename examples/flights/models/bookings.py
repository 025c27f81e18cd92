"""A booking as it is asked for and as it is kept."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from examples.flights.models.flights import FlightId

Name = Annotated[str, Meta(min_length=1, max_length=80)]
Line = Annotated[str, Meta(min_length=1, max_length=120)]
Country = Annotated[str, Meta(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2", examples=["US"])]
Email = Annotated[str, Meta(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=254)]
Phone = Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{6,14}$", description="E.164", examples=["+12125550100"])]
Seat = Annotated[str, Meta(pattern="^[1-9][0-9]?[A-HJK]$", description="Row and letter", examples=["12C"])]


class Document(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a passenger travels on."""

    kind: Literal["passport", "identity-card", "driving-licence"]
    number: Annotated[str, Meta(pattern="^[0-9A-Z]{5,20}$")]
    country: Country
    expires: date


class Passenger(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One traveller and the seat asked for."""

    given_name: Name
    family_name: Name
    born: date
    document: Document
    seat: Seat
    bags: Annotated[int, Meta(ge=0, le=3, description="Checked in")] = 0


class Contact(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to tell when a flight is late."""

    email: Email
    phone: Phone
    language: Annotated[str, Meta(pattern="^[a-z]{2}(-[A-Z]{2})?$")] = "en"


class Address(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where an invoice goes."""

    street: Line
    city: Line
    postcode: Annotated[str, Meta(pattern="^[0-9A-Z -]{3,10}$")]
    country: Country


class Payment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How it is paid: by reference to a provider, never by a card's number, which is refused as unknown."""

    method: Literal["card", "transfer", "voucher"]
    reference: Annotated[str, Meta(pattern="^[0-9A-Za-z_-]{8,64}$", description="The provider's token")]
    amount: Annotated[int, Meta(ge=1, le=10_000_000, description="In the currency's smallest unit")]
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217", examples=["USD"])]
    billing: Address


class BookingRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seats on one flight for one party."""

    flight_id: FlightId
    cabin: Literal["economy", "premium", "first"]
    passengers: Annotated[list[Passenger], Meta(min_length=1, max_length=9)]
    contact: Contact
    payment: Payment
    notes: Annotated[str, Meta(max_length=500)] = ""


class Booking(Struct, frozen=True, kw_only=True):
    """A booking that was made."""

    id: UUID
    created: datetime
    request: BookingRequest


class BookingStatistics(Struct, frozen=True):
    """How much is booked."""

    bookings: int
    seats: int
    flights: int
    """Flights with a seat sold."""
