"""Limit: who is counted, what a client is told, how declarations add up."""

from typing import Any

import pytest

from stanchion import App, Limit, Off, Request, Response, Router, Settings
from stanchion.errors import ConfigurationError, RouteError
from stanchion.testing import Client


def app_with(limit: Any, **options: Any) -> App:
    app = App("limited", **options)

    @app.get("/", limit=limit)
    async def home() -> str:
        return "home"

    return app


def statuses(client: Client, count: int, path: str = "/", **options: Any) -> list[int]:
    return [client.get(path, **options).status for _ in range(count)]


def test_a_refusal_tells_all_a_client_needs() -> None:
    with Client(app_with(Limit("3/min", burst=2, name="small"))) as client:
        first, second, refused = (client.get("/") for _ in range(3))
    assert first.headers["ratelimit"] == '"small";r=1;t=20'
    assert second.headers["ratelimit"] == '"small";r=0;t=40'
    assert "ratelimit-policy" not in first.headers
    assert (refused.status, refused.headers["retry-after"]) == (429, "20")
    assert refused.headers["ratelimit-policy"] == '"small";q=3;w=60'
    assert refused.headers["ratelimit"] == '"small";r=0;t=40'
    document = refused.json()
    assert document["code"] == "too-many-requests"
    assert document["type"].endswith("#quota-exceeded")
    assert document["violated-policies"] == ["small"]
    assert 19 < document["retry_after"] <= 20


def test_limits_add_up_and_can_be_taken_away() -> None:
    app = App("levels", limit=Limit("100/min", name="all"))
    router = Router("/reports", limit=[Limit("50/min", name="reports")])
    app.include(router)

    @router.get("/one", limit=Limit("2/min", name="one"))
    async def one() -> str:
        return "1"

    @router.get("/two", policies=[Off(Limit)])
    async def two() -> str:
        return "2"

    @app.get("/three", limit=None)
    async def three() -> str:
        return "3"

    with Client(app) as client:
        field = client.get("/reports/one").headers["ratelimit"]
        assert [item.split(";")[0] for item in field.split(", ")] == ['"all"', '"reports"', '"one"']
        assert statuses(client, 2, "/reports/one") == [200, 429]
        assert "ratelimit" not in client.get("/reports/two").headers
        assert "ratelimit" not in client.get("/three").headers


def test_one_declaration_is_one_budget() -> None:
    app = App("shared", limit=Limit("3/min"))

    @app.get("/a")
    async def a() -> str:
        return "a"

    @app.get("/b")
    async def b() -> str:
        return "b"

    with Client(app) as client:
        assert statuses(client, 2, "/a") + statuses(client, 2, "/b") == [200, 200, 200, 429]


def test_equal_declarations_have_budgets_of_their_own_unless_they_are_named() -> None:
    app = App("apart")
    for path, name in (("/a", None), ("/b", None), ("/c", "same"), ("/d", "same")):

        @app.get(path, limit=Limit("1/min", name=name))
        async def handler() -> str:
            return "x"

    with Client(app) as client:
        assert [client.get(path).status for path in ("/a", "/b", "/c", "/d")] == [200, 200, 200, 429]


def test_one_name_for_two_rates_stops_the_start() -> None:
    app = app_with([Limit("1/min", name="same"), Limit("2/min", name="same")])
    with pytest.raises(RouteError, match="two limits are named 'same' and differ"):
        app.compile()


def test_by_route_counts_all_clients_and_each_route_by_itself() -> None:
    app = App("routes", limit=Limit("1/min", by="route"))

    @app.get("/a")
    async def a() -> str:
        return "a"

    @app.get("/b")
    async def b() -> str:
        return "b"

    with Client(app, Settings(trusted_proxies=1)) as client:
        assert client.get("/a", headers={"X-Forwarded-For": "1.1.1.1"}).status == 200
        assert client.get("/a", headers={"X-Forwarded-For": "2.2.2.2"}).status == 429
        assert client.get("/b").status == 200


def test_by_ip_is_an_address_or_a_64() -> None:
    with Client(app_with(Limit("1/min", by="ip")), Settings(trusted_proxies=1)) as client:
        asked = ["192.0.2.1", "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::ffff", "2001:db8:0:1::1"]
        found = [client.get("/", headers={"X-Forwarded-For": address}).status for address in asked]
    assert found == [200, 429, 200, 200, 429, 200]


def test_by_api_key_takes_either_field_and_no_key_is_the_address() -> None:
    with Client(app_with(Limit("1/min", by="api_key"))) as client:
        asked: list[dict[str, str]] = [
            {"X-API-Key": "ann"},
            {"Authorization": "Bearer ann"},
            {"Authorization": "bearer bob"},
            {},
            {"Authorization": "Basic eDp5"},
        ]
        assert [client.get("/", headers=headers).status for headers in asked] == [200, 429, 200, 200, 429]


def test_by_client_prefers_the_identity() -> None:
    from stanchion.policies.base import Category, Policy

    class Known(Policy, frozen=True, kw_only=True):
        category = Category.OBSERVE

        def wrap(self, call: Any, route: Any) -> Any:
            async def named(request: Request) -> Response:
                if "x-user" in request.headers:
                    request.state["identity"] = request.headers["x-user"]
                return await call(request)

            return named

    with Client(app_with(Limit("1/min"), policies=[Known()])) as client:
        found = [client.get("/", headers={"X-User": name}).status for name in ("ann", "bob", "ann")]
        assert found == [200, 200, 429]
        assert statuses(client, 2) == [200, 429]


def test_by_a_function_and_a_cost_by_a_function() -> None:
    def tenant(request: Request) -> str:
        return request.headers["x-tenant"]

    def weight(request: Request) -> int:
        return int(request.query["n"][0])

    with Client(app_with(Limit("10/min", by=tenant, cost=weight))) as client:

        def ask(name: str, cost: int) -> tuple[int, str]:
            result = client.get(f"/?n={cost}", headers={"X-Tenant": name})
            return result.status, result.headers["ratelimit"].partition(";r=")[2].partition(";")[0]

        assert ask("a", 7) == (200, "3")
        assert ask("a", 4) == (429, "3")
        assert ask("a", 3) == (200, "0")
        assert ask("b", 1000) == (200, "0")  # capped to all there is
        assert ask("b", 0) == (200, "0")


def test_a_window_counts_to_the_rate() -> None:
    with Client(app_with(Limit("3/day", mode="window"))) as client:
        assert statuses(client, 5) == [200, 200, 200, 429, 429]


def test_a_response_that_a_handler_keeps_stays_as_it_is() -> None:
    app = App("kept")
    kept = Response("kept", headers={"X-Own": "1"})

    @app.get("/", limit=[Limit("5/min", name="seen"), Limit("5/min", name="unseen", headers=False)])
    async def home() -> Response:
        return kept

    with Client(app) as client:
        headers = client.get("/").headers
    assert headers["x-own"] == "1"
    assert headers["ratelimit"] == '"seen";r=4;t=12'
    assert kept.headers == {"X-Own": "1"}


def test_what_waits_is_served_in_time_and_the_rest_refused() -> None:
    with Client(app_with(Limit("20/s", burst=1, on_exceed="queue", max_wait=0.12))) as client:
        first, second = client.get("/"), client.get("/")
        assert (first.status, second.status) == (200, 200)
    with Client(app_with(Limit("1/min", burst=1, on_exceed="queue"))) as client:
        assert statuses(client, 2) == [200, 429]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"rate": "often"}, "rate 'often': expected a count"),
        ({"rate": "1/s", "burst": 0}, "burst=0"),
        ({"rate": "1/s", "by": "name"}, "by='name'.*expected one of client, ip, api_key, route"),
        ({"rate": "1/s", "cost": 0}, "expected a cost of 1 or more"),
        ({"rate": "1/s", "mode": "leaky"}, "mode is 'gcra' or 'window'"),
        ({"rate": "1/s", "mode": "window", "burst": 2}, "neither turns to wait for nor a burst"),
        ({"rate": "1/s", "max_wait": 0.0}, "max_wait=0.0"),
        ({"rate": "1/s", "lease": 5}, "a lease is taken from a store"),
        ({"rate": "1/s", "store": "redis://x"}, "a limit with a store needs a name"),
        ({"rate": "1/s", "store": "redis://x", "name": "x", "lease": 5, "mode": "window"}, "a lease goes with"),
        ({"rate": "1/s", "fail": "shut"}, "fail is 'local', 'open' or 'closed'"),
        ({"rate": "1/s", "name": 'a"b'}, "name='a\"b'"),
    ],
)
def test_a_wrong_option_is_told_where_it_is_written(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        Limit(**options)


def test_it_shows_as_it_was_written() -> None:
    assert repr(Limit("5/s", burst=2)) == "Limit('5/s', burst=2)"
    limit = Limit("5/s", name="x", store="rediss://me:se/c@ret@cache.example:6379/0", fail="open")
    assert repr(limit) == "Limit('5/s', store='rediss://***@cache.example:6379/0', fail='open', name='x')"


def test_a_mounted_app_is_limited_too() -> None:
    async def foreign(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"foreign"})

    app = App("outer")
    app.mount("/v1", foreign, limit=Limit("2/min", burst=1, name="mount"))
    with Client(app) as client:
        first, second = client.get("/v1/a"), client.get("/v1/b")
    assert (first.text, first.headers["ratelimit"]) == ("foreign", '"mount";r=0;t=30')
    assert (second.status, second.json()["code"]) == (429, "too-many-requests")


def test_a_handler_that_never_waits_is_still_answered_without_a_task() -> None:
    app = App("inline", limit=Limit("5/min"), body_limit=100)

    @app.get("/get")
    async def get() -> str:
        return "x"

    @app.get("/held", concurrency=5)
    async def held() -> str:
        return "x"

    @app.post("/post")
    async def post(body: bytes) -> str:
        return "x"

    inline = {one.route.template: one.endpoint.inline is not None for one in app.compile().routes}
    assert inline == {"/get": True, "/held": False, "/post": False}
    with Client(app) as client:
        assert client.get("/get").headers["ratelimit"] == '"5/min by client";r=4;t=12'
        assert statuses(client, 4, "/get") == [200] * 4
        refused = client.get("/get")
        assert (refused.status, refused.headers["retry-after"]) == (429, "12")
