"""Bookings over HTTP: made once, read back, cancelled, and refused for every reason there is."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from stanchion.testing import Client

Body = dict[str, Any]


def test_round_trip(client: Client, booking_request: Body) -> None:
    booking_request["passengers"][0]["seat"] = "20A"
    made = client.post("/bookings", json=booking_request)
    assert made.status == 201
    location = made.headers["location"]
    assert location == f"/bookings/{made.json()['id']}"
    assert made.json()["request"] == booking_request
    assert client.get(location).json() == made.json()

    removed = client.delete(location)
    assert (removed.status, removed.body) == (204, b"")
    assert client.get(location).status == 404
    assert client.delete(location).status == 404


def test_seat_is_taken_until_it_is_freed(client: Client, booking_request: Body) -> None:
    booking_request["passengers"][0]["seat"] = "21A"
    first = client.post("/bookings", json=booking_request)
    second = client.post("/bookings", json=booking_request)
    assert (second.status, second.json()["code"], second.json()["seat"]) == (409, "seat-taken", "21A")
    client.delete(first.headers["location"])
    assert client.post("/bookings", json=booking_request).status == 201


def test_defaults_are_filled_in(client: Client, booking_request: Body) -> None:
    booking_request["passengers"][0]["seat"] = "22A"
    del (
        booking_request["notes"],
        booking_request["contact"]["language"],
        booking_request["passengers"][0]["bags"],
    )
    kept = client.post("/bookings", json=booking_request).json()["request"]
    assert (kept["notes"], kept["contact"]["language"], kept["passengers"][0]["bags"]) == ("", "en", 0)


def test_unknown_flight(client: Client, booking_request: Body) -> None:
    response = client.post("/bookings", json={**booking_request, "flight_id": 336_777})
    assert (response.status, response.json()["code"]) == (404, "unknown-flight")
    assert response.headers["content-type"].startswith("application/problem+json")


def test_cancelled_flight(client: Client, booking_request: Body, source: Callable[[str], list[dict[str, str]]]) -> None:
    cancelled = next(id for id, row in enumerate(source("flights"), start=1) if row["dep_time"] == "NA")
    response = client.post("/bookings", json={**booking_request, "flight_id": cancelled})
    assert (response.status, response.json()["code"]) == (409, "flight-cancelled")


def test_every_invalid_field_is_listed(client: Client, booking_request: Body) -> None:
    booking_request["flight_id"] = 0
    booking_request["cabin"] = "roof"
    booking_request["passengers"] += [{**booking_request["passengers"][0], "seat": "12I", "born": "long ago"}]
    booking_request["contact"]["phone"] = "call me"
    booking_request["payment"]["card_number"] = "4111111111111111"
    booking_request["payment"]["billing"]["country"] = "usa"
    del booking_request["payment"]["amount"]
    booking_request["notes"] = "x" * 501
    response = client.post("/bookings", json=booking_request)
    assert response.status == 422
    assert {error["location"] for error in response.json()["errors"]} == {
        "body.flight_id",
        "body.cabin",
        "body.passengers[1].seat",
        "body.passengers[1].born",
        "body.contact.phone",
        "body.payment.card_number",
        "body.payment.amount",
        "body.payment.billing.country",
        "body.notes",
    }


@pytest.mark.parametrize("passengers", [0, 10])
def test_party_of_none_or_too_many(client: Client, booking_request: Body, passengers: int) -> None:
    booking_request["passengers"] *= passengers
    response = client.post("/bookings", json=booking_request)
    assert [error["location"] for error in response.json()["errors"]] == ["body.passengers"]


def test_no_such_booking(client: Client) -> None:
    assert client.get(f"/bookings/{uuid4()}").status == 404
    assert client.delete(f"/bookings/{uuid4()}").status == 404
