"""The example as a newcomer starts it: one command, a real socket, a clean end."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.examples.flights.conftest import Filled

ROOT = Path(__file__).parents[3]


@pytest.fixture
def address(filled: Filled) -> Iterator[str]:
    """`host:port` of the real server, which must end without an error."""
    ports = ("--port", "0", "--admin-port", "off", "--workers", "2")
    command = [sys.executable, "-m", "stanchion", "serve", "examples.flights.app:app", *ports]
    environment = {**os.environ, "FLIGHTS_DATABASE": filled.url}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield next(found[0] for line in server.stdout if (found := re.search(r"127\.0\.0\.1:\d+", line)))
        finally:
            server.terminate()
            server.communicate(timeout=20)
    assert server.returncode == 0


def ask(address: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    connection = HTTPConnection(address, timeout=10)
    try:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        response = connection.getresponse()
        content = response.read()
        return response.status, json.loads(content) if content else None
    finally:
        connection.close()


def test_serves_flights_and_takes_bookings(address: str, booking_request: dict[str, Any]) -> None:
    status, page = ask(address, "GET", "/flights?origin=JFK&dest=LAX&date=2013-07-04")
    assert (status, len(page["items"])) == (200, 28)

    seen, following = page["items"], page["next"]
    assert following is None
    status, page = ask(address, "GET", "/flights?origin=JFK&dest=LAX&date=2013-07-04&limit=2")
    pages = [page["items"]]
    while page["next"]:  # each time a new connection, and perhaps another worker, which knows the other's cursors
        status, page = ask(address, "GET", page["next"])
        assert status == 200
        pages.append(page["items"])
    assert [flight for items in pages for flight in items] == seen

    flight = next(flight for flight in seen if flight["departure"])
    status, booking = ask(address, "POST", "/bookings", {**booking_request, "flight_id": flight["id"]})
    assert status == 201
    assert ask(address, "GET", f"/bookings/{booking['id']}") == (200, booking)
    assert ask(address, "DELETE", f"/bookings/{booking['id']}") == (204, None)
