"""What the API answers, against the CSV files it was loaded from."""

from base64 import urlsafe_b64encode
from collections import defaultdict
from collections.abc import Callable
from statistics import fmean, quantiles
from typing import Any

import pytest

from stanchion.testing import Client

Fields = dict[str, str]
Source = Callable[[str], list[Fields]]


def clock(value: str) -> str | None:
    """`517` as `05:17`."""
    if value == "NA":
        return None
    hours, minutes = divmod(int(value), 100)
    return f"{hours % 24:02}:{minutes:02}"


def number(value: str) -> int | None:
    return None if value == "NA" else int(value)


def as_sent(id: int, row: Fields) -> dict[str, Any]:
    """A row of the CSV file as the API should send it."""
    return {
        "id": id,
        "date": f"{row['year']}-{int(row['month']):02}-{int(row['day']):02}",
        "scheduled_departure": clock(row["sched_dep_time"]),
        "departure": clock(row["dep_time"]),
        "departure_delay": number(row["dep_delay"]),
        "scheduled_arrival": clock(row["sched_arr_time"]),
        "arrival": clock(row["arr_time"]),
        "arrival_delay": number(row["arr_delay"]),
        "carrier": row["carrier"],
        "number": int(row["flight"]),
        "tail_number": None if row["tailnum"] == "NA" else row["tailnum"],
        "origin": row["origin"],
        "dest": row["dest"],
        "air_time": number(row["air_time"]),
        "distance": int(row["distance"]),
    }


def in_order(rows: list[Fields], **wanted: str) -> list[dict[str, Any]]:
    """Every flight that has the wanted values, in the order the API promises."""
    fields = dict(wanted)
    if "date" in fields:
        _, month, day = fields.pop("date").split("-")
        fields |= {"month": month.lstrip("0"), "day": day.lstrip("0")}
    chosen = [
        as_sent(id, row)
        for id, row in enumerate(rows, start=1)
        if all(row[name] == value for name, value in fields.items())
    ]
    return sorted(chosen, key=lambda flight: (flight["date"], flight["scheduled_departure"], flight["id"]))


def all_pages(client: Client, params: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """The items of every page, following `next`, which the Link header must repeat."""
    response = client.get("/flights", params=params)
    pages = [response.json()["items"]]
    while (following := response.json()["next"]) is not None:
        assert f'<{following}>; rel="next"' in response.headers["link"]
        response = client.get(following)
        assert response.status == 200
        pages.append(response.json()["items"])
    assert 'rel="next"' not in response.headers.get("link", "")
    return pages


def errors(response: Any) -> set[str]:
    assert response.status == 422
    assert response.headers["content-type"].startswith("application/problem+json")
    return {error["location"] for error in response.json()["errors"]}


@pytest.mark.parametrize("iata", ["JFK", "04G", "YAK"])
def test_airport(client: Client, source: Source, iata: str) -> None:
    row = next(row for row in source("airports") if row["faa"] == iata)
    assert client.get(f"/airports/{iata}").json() == {
        "iata": row["faa"],
        "name": row["name"],
        "latitude": float(row["lat"]),
        "longitude": float(row["lon"]),
        "altitude": int(row["alt"]),
        "utc_offset": int(row["tz"]),
        "dst": row["dst"],
        "time_zone": None if row["tzone"] == "NA" else row["tzone"],
    }


@pytest.mark.parametrize("iata", ["XXX", "jfk", "SJU", "J%46K'--"])
def test_airport_that_is_not_in_the_data(client: Client, iata: str) -> None:
    response = client.get(f"/airports/{iata}")
    assert response.status == 404
    assert response.headers["content-type"].startswith("application/problem+json")
    assert response.json()["code"] == "not-found"


@pytest.mark.parametrize(
    ("wanted", "limit"),
    [
        ({"origin": "JFK", "dest": "LAX", "date": "2013-07-04"}, 7),
        ({"origin": "JFK", "dest": "LAX"}, 200),
        ({"carrier": "HA"}, 1),
        ({"date": "2013-12-31"}, 200),
        ({"dest": "LEX"}, 50),
        ({"origin": "JFK", "carrier": "WN"}, 50),
    ],
    ids=str,
)
def test_pages_are_the_filtered_file(client: Client, source: Source, wanted: dict[str, str], limit: int) -> None:
    pages = all_pages(client, {**wanted, "limit": limit})
    assert [flight for page in pages for flight in page] == in_order(source("flights"), **wanted)
    assert all(len(page) == limit for page in pages[:-1])


def test_page_starts_at_the_year_and_has_fifty(client: Client, source: Source) -> None:
    assert client.get("/flights").json()["items"] == in_order(source("flights"), date="2013-01-01")[:50]


def test_filters_and_limit_are_checked(client: Client) -> None:
    response = client.get("/flights", params={"origin": "jfk", "carrier": "UAL", "date": "4 July", "limit": 201})
    assert errors(response) == {"query.origin", "query.carrier", "query.date", "query.limit"}


@pytest.mark.parametrize(
    "forged", ["", "[]", "null", '["","","1"]', '["","",9223372036854775808]', r'["\ud800","",1]', "{"]
)
def test_forged_cursor_is_refused(client: Client, forged: str) -> None:
    cursor = urlsafe_b64encode(forged.encode()).decode().rstrip("=") or "é"
    response = client.get("/flights", params={"cursor": cursor})
    assert (response.status, response.json()["code"]) == (400, "invalid-cursor")


@pytest.mark.parametrize("id", [1, 839, 336_776])
def test_flight_with_what_is_known_of_it(client: Client, source: Source, id: int) -> None:
    row = source("flights")[id - 1]
    detail = client.get(f"/flights/{id}").json()
    assert detail["flight"] == as_sent(id, row)
    assert detail["airline"] in [{"carrier": a["carrier"], "name": a["name"]} for a in source("airlines")]
    assert detail["airline"]["carrier"] == row["carrier"]
    plane = next((plane for plane in source("planes") if plane["tailnum"] == row["tailnum"]), None)
    assert (detail["plane"] and (detail["plane"]["model"], detail["plane"]["seats"])) == (
        plane and (plane["model"], int(plane["seats"]))
    )
    weather = next(hour for hour in source("weather") if all(hour[k] == row[k] for k in ("origin", "time_hour")))
    assert (detail["weather"]["hour"], detail["weather"]["temperature"], detail["weather"]["pressure"]) == (
        weather["time_hour"],
        float(weather["temp"]),
        float(weather["pressure"]),
    )


def test_flight_with_neither_plane_nor_weather(client: Client, source: Source) -> None:
    planes = {row["tailnum"] for row in source("planes")}
    hours = {(row["origin"], row["time_hour"]) for row in source("weather")}
    id, row = next(
        (id, row)
        for id, row in enumerate(source("flights"), start=1)
        if row["tailnum"] not in planes and (row["origin"], row["time_hour"]) not in hours
    )
    detail = client.get(f"/flights/{id}").json()
    assert detail == {
        "flight": as_sent(id, row),
        "airline": detail["airline"],
        "plane": None,
        "weather": None,
    }


def test_no_such_flight(client: Client) -> None:
    assert client.get("/flights/336777").status == 404


@pytest.mark.parametrize("id", ["0", "-1", str(2**63), "one"])
def test_what_is_no_id(client: Client, id: str) -> None:
    assert errors(client.get(f"/flights/{id}")) == {"path.id"}


@pytest.mark.parametrize(
    ("by", "key"),
    [
        ("carrier", lambda row: row["carrier"]),
        ("origin", lambda row: row["origin"]),
        ("month", lambda row: f"{row['year']}-{int(row['month']):02}"),
    ],
)
def test_delays_recomputed(client: Client, source: Source, by: str, key: Callable[[Fields], str]) -> None:
    groups: dict[str, list[str]] = defaultdict(list)
    for row in source("flights"):
        groups[key(row)].append(row["dep_delay"])
    statistics = client.get("/stats/delays", params={"by": by}).json()
    assert statistics["by"] == by
    assert [group["key"] for group in statistics["groups"]] == sorted(groups)
    for group in statistics["groups"]:
        delays = [int(delay) for delay in groups[group["key"]] if delay != "NA"]
        flights = len(groups[group["key"]])
        cuts = quantiles(delays, n=100, method="inclusive")
        assert (group["flights"], group["cancelled"]) == (flights, flights - len(delays))
        assert group["cancelled_share"] == pytest.approx((flights - len(delays)) / flights, abs=1e-9)
        assert group["mean"] == pytest.approx(fmean(delays), abs=1e-9)
        assert group["median"] == pytest.approx(cuts[49], abs=1e-9)
        assert group["p95"] == pytest.approx(cuts[94], abs=1e-9)


def test_delays_by_something_else(client: Client) -> None:
    assert errors(client.get("/stats/delays", params={"by": "dest"})) == {"query.by"}


def test_index_leads_to_what_it_names(client: Client) -> None:
    links = client.get("/").json()
    assert client.get(links["openapi"]).status == 200
    assert client.get(links["flights"].partition("{")[0]).status == 200
    assert client.get(links["airport"].format(iata="JFK")).status == 200
