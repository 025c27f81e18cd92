"""What policies may answer stands in the OpenAPI document, with the fields that come along."""

from typing import Any

import msgspec
from openapi_spec_validator import OpenAPIV31SpecValidator

from stanchion import App, Cache, Limit, Settings
from stanchion.testing import Client

PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def described(app: App, **settings: Any) -> dict[str, Any]:
    with Client(app, Settings(**settings)) as client:
        document: dict[str, Any] = msgspec.json.decode(client.get("/openapi.json").body)
    OpenAPIV31SpecValidator(document).validate()
    return document


def responses(app: App, **settings: Any) -> dict[str, Any]:
    found: dict[str, Any] = described(app, **settings)["paths"]["/"]["get"]["responses"]
    return found


async def nothing() -> None: ...


def test_a_limit_is_a_429_and_its_fields_are_told() -> None:
    app = App("limited", limit=Limit("100/min"))
    app.get("/", limit=Limit("5/s", headers=False))(nothing)
    found = responses(app, admission=False)
    assert list(found) == ["204", "429", "default"]
    assert found["429"]["description"] == "Over the limit of 100/min; Over the limit of 5/s"
    assert found["429"]["content"] == PROBLEM
    assert list(found["429"]["headers"]) == ["Retry-After", "RateLimit", "RateLimit-Policy"]
    assert found["429"]["headers"]["Retry-After"]["schema"] == {"type": "integer"}
    assert list(found["204"]["headers"]) == ["RateLimit"]


def test_a_limit_without_fields_marks_no_success() -> None:
    app = App("limited")
    app.get("/", limit=Limit("5/s", headers=False))(nothing)
    assert "headers" not in responses(app)["204"]


def test_503_is_there_where_something_may_be_turned_away() -> None:
    app = App("held")
    app.get("/", concurrency=2)(nothing)
    found = responses(app, admission=False)["503"]
    assert (found["description"], list(found["headers"])) == ("Too many of this kind are being served", ["Retry-After"])
    admitted = App("admitted")
    admitted.get("/")(nothing)
    assert responses(admitted)["503"]["description"] == "More to do than can be done in time"
    alone = App("alone")
    alone.get("/")(nothing)
    assert list(responses(alone, admission=False)) == ["204", "default"]


def test_a_timeout_is_a_504() -> None:
    app = App("timed", timeout=0.5)
    app.get("/")(nothing)
    assert responses(app, admission=False)["504"] == {"description": "No answer within 0.5 s", "content": PROBLEM}


def test_a_cache_is_a_304_and_its_fields_are_told() -> None:
    app = App("cached", cache=Cache(ttl=60))
    app.get("/")(nothing)
    app.post("/")(nothing)
    app.get("/foreign", cache=Cache())(nothing)
    paths = described(app, admission=False)["paths"]
    found = paths["/"]["get"]["responses"]
    assert list(found) == ["204", "304", "default"]
    assert list(found["204"]["headers"]) == list(found["304"]["headers"])
    assert list(found["304"]["headers"]) == ["Cache-Control", "ETag", "Age", "Cache-Status"]
    assert "content" not in found["304"]
    assert list(paths["/"]["post"]["responses"]) == ["204", "default"]
    assert list(paths["/foreign"]["get"]["responses"]["304"]["headers"]) == ["Age", "Cache-Status"]


def test_what_a_route_declares_goes_before_what_a_policy_says() -> None:
    app = App("declared")
    app.get("/", limit=Limit("5/s"), responses={429: "Buy a larger plan"})(nothing)
    found = responses(app)["429"]
    assert found["description"] == "Buy a larger plan"
    assert "Retry-After" in found["headers"]
