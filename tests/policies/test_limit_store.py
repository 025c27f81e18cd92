"""A limit in Redis, and what is declared for when it is not there: never a 5xx."""

from typing import Any

import pytest

from stanchion import App, Limit
from stanchion.errors import ConfigurationError
from stanchion.testing import Client
from tests.limits.conftest import redis_server
from tests.limits.redis_server import RedisServer, needs_redis
from tests.ports import free_port

__all__ = ["redis_server"]
pytestmark = needs_redis


def app_with(url: str, **options: Any) -> App:
    app = App("far")

    @app.get("/", limit=Limit("2/day", name="far", store=url, **options))
    async def home() -> str:
        return "home"

    return app


@pytest.mark.parametrize("options", [{}, {"mode": "window"}, {"lease": 10}])
def test_two_servers_count_together(redis_server: RedisServer, options: dict[str, Any]) -> None:
    with Client(app_with(redis_server.url, **options)) as one, Client(app_with(redis_server.url, **options)) as other:
        assert [client.get("/").status for client in (one, other, one, other)] == [200, 200, 429, 429]


def test_it_spaces_requests_out(redis_server: RedisServer) -> None:
    app = App("far")

    @app.get("/", limit=Limit("20/s", burst=1, name="far", store=redis_server.url, on_exceed="queue"))
    async def home() -> str:
        return "home"

    with Client(app) as client:
        assert [client.get("/").status for _ in range(4)] == [200] * 4


def down() -> str:
    return f"redis://127.0.0.1:{free_port()}/0"


def test_local_counts_on_this_machine_meanwhile() -> None:
    with Client(app_with(down())) as client:
        results = [client.get("/") for _ in range(4)]
    assert [result.status for result in results] == [200, 200, 429, 429]
    assert results[0].headers["ratelimit"].startswith('"far";r=1;')


def test_open_allows() -> None:
    with Client(app_with(down(), fail="open")) as client:
        results = [client.get("/") for _ in range(4)]
    assert [result.status for result in results] == [200] * 4
    assert "ratelimit" not in results[0].headers


def test_closed_refuses_with_a_code_of_its_own() -> None:
    with Client(app_with(down(), fail="closed")) as client:
        results = [client.get("/") for _ in range(4)]
    assert {(result.status, result.json()["code"]) for result in results} == {(429, "limit-store-unavailable")}
    assert results[0].headers["retry-after"] == "1"


def test_a_server_that_is_lost_and_comes_back(redis_server: RedisServer) -> None:
    with Client(app_with(redis_server.url)) as client:
        assert [client.get("/").status for _ in range(3)] == [200, 200, 429]
        redis_server.kill()
        assert [client.get("/").status for _ in range(3)] == [200, 200, 429]  # the machine's own count
        redis_server.start()


def test_a_wrong_url_stops_the_start() -> None:
    with pytest.raises(ConfigurationError, match="store='memcached://x'"):
        app_with("memcached://x").compile()
