"""Statistics are worked out once and then kept, until what they tell of changes."""

from typing import Any

from stanchion.testing import Client


def test_delays_are_kept(client: Client) -> None:
    first = client.get("/stats/delays", params={"by": "origin"})
    second = client.get("/stats/delays", params={"by": "origin"})
    assert second.json() == first.json()
    assert second.headers["cache-status"].startswith("stanchion; hit")
    assert "s-maxage=300" in second.headers["cache-control"]


def test_what_is_booked_is_told_anew_after_a_booking(client: Client, booking_request: dict[str, Any]) -> None:
    before = client.get("/stats/bookings").json()
    assert client.get("/stats/bookings").headers["cache-status"].startswith("stanchion; hit")
    booking_request["passengers"][0]["seat"] = "33A"
    made = client.post("/bookings", json=booking_request)
    assert made.status == 201
    after = client.get("/stats/bookings")
    assert "hit" not in after.headers["cache-status"]
    assert after.json()["bookings"] == before["bookings"] + 1
    assert after.json()["seats"] == before["seats"] + len(booking_request["passengers"])
    assert client.delete(f"/bookings/{made.json()['id']}").status == 204
    assert client.get("/stats/bookings").json() == before
