"""The year's delays are worked out once and then kept."""

from stanchion.testing import Client


def test_delays_are_kept(client: Client) -> None:
    first = client.get("/stats/delays", params={"by": "origin"})
    second = client.get("/stats/delays", params={"by": "origin"})
    assert second.json() == first.json()
    assert second.headers["cache-status"].startswith("stanchion; hit")
    assert "s-maxage=300" in second.headers["cache-control"]
