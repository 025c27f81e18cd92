"""The OpenAPI document: valid by OpenAPI's own schema, and true of the routes it describes."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any
from uuid import UUID

import msgspec
import pytest
from msgspec import Meta, Struct
from openapi_spec_validator import OpenAPIV31SpecValidator

from stanchion.errors import FieldError, ValidationFailed
from stanchion.http.params import Cookie, Form, Header, Query
from stanchion.http.problem import problem
from stanchion.http.request import Request
from stanchion.http.response import Response, Stream
from stanchion.http.uploads import Upload
from stanchion.routing.binding import BindLimits, bind
from stanchion.routing.openapi import Problem, document
from stanchion.routing.route import Handler, Route
from stanchion.routing.template import parse


class Airport(Struct):
    """Where aircraft land."""

    iata: Annotated[str, Meta(min_length=3, max_length=3)]
    name: str
    nearest: "Airport | None" = None


class Page(Struct):
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    after: str | None = None


class Order(Struct):
    email: str
    notes: list[str] = []


class Elsewhere:
    class Airport(Struct):
        iata: int


class Unknown:
    """Nothing msgspec can describe."""


def described(*routes: Route) -> dict[str, Any]:
    """The valid document of these routes."""
    bound = []
    for route in routes:
        names = [parameter.name for parameter in parse(route.template).parameters]
        bound.append((route, bind(route, names, {}, BindLimits())))
    made = document("flights", "1.2", bound)
    OpenAPIV31SpecValidator(made).validate()
    assert msgspec.json.decode(msgspec.json.encode(made)) == made
    return made


def operation(handler: Handler, template: str = "/x", method: str = "POST", **fields: Any) -> dict[str, Any]:
    """How one route is described."""
    route = Route(method=method, template=template, handler=handler, name="it", **fields)
    ((operations),) = described(route)["paths"].values()
    described_as: dict[str, Any] = operations[method.lower()]
    return described_as


async def nothing() -> None: ...


def test_an_api_is_described() -> None:
    async def airport(iata: str) -> Airport:
        """One airport.

        As the registry
        has it.
        """
        raise NotImplementedError

    route = Route(
        method="GET",
        template="/airports/{iata}",
        handler=airport,
        name="airport",
        tags=("airports",),
        deprecated=True,
        responses={404: "No such airport"},
    )

    made = described(route)

    assert made["openapi"] == "3.1.0"
    assert made["info"] == {"title": "flights", "version": "1.2"}
    found = made["paths"]["/airports/{iata}"]["get"]
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    assert found == {
        "operationId": "airport",
        "summary": "One airport.",
        "description": "As the registry\nhas it.",
        "tags": ["airports"],
        "deprecated": True,
        "parameters": [{"name": "iata", "in": "path", "required": True, "schema": {"type": "string"}}],
        "responses": {
            "200": {
                "description": "OK",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Airport"}}},
            },
            "404": {"description": "No such airport", "content": problem},
            "default": {"description": "Any other outcome", "content": problem},
        },
    }
    assert made["components"]["schemas"]["Airport"]["properties"]["iata"] == {
        "type": "string",
        "minLength": 3,
        "maxLength": 3,
    }
    assert made["components"]["schemas"]["Problem"]["required"] == ["type", "title", "status", "code"]


def test_declared_words_go_before_the_docstring() -> None:
    async def handler() -> None:
        """First.

        Rest.
        """

    found = operation(handler, summary="Mine", description="Mine too")

    assert (found["summary"], found["description"]) == ("Mine", "Mine too")


def test_a_handler_that_is_no_function_lends_no_docstring() -> None:
    async def handler(n: int) -> None:
        """Not of the partial."""

    assert "summary" not in operation(partial(handler, 1))


def test_a_path_parameter_has_the_type_of_its_annotation_or_converter() -> None:
    async def typed(a: int, b: UUID, rest: str) -> None: ...
    async def untyped(request: Request) -> None: ...

    annotated = operation(typed, "/{a}/{b:uuid}/{rest:path}")
    converted = operation(untyped, "/{a}/{b:uuid}/{c:int}")

    assert [p["schema"] for p in annotated["parameters"]] == [
        {"type": "integer"},
        {"type": "string", "format": "uuid"},
        {"type": "string"},
    ]
    assert annotated["parameters"][2]["description"] == "The rest of the path, slashes included."
    assert [p["schema"]["type"] for p in converted["parameters"]] == ["string", "string", "integer"]


def test_query_header_and_cookie_parameters() -> None:
    async def handler(
        q: str,
        page: Annotated[Page, Query()],
        x_token: Annotated[str | None, Header()],
        sort: Annotated[list[str], Query(alias="order-by")] = ["name"],  # noqa: B006
        seen: Annotated[list[int] | None, Cookie()] = None,
    ) -> None: ...

    assert operation(handler, method="GET")["parameters"] == [
        {"name": "q", "in": "query", "required": True, "schema": {"type": "string"}},
        {
            "name": "limit",
            "in": "query",
            "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
        },
        {"name": "after", "in": "query", "schema": {"type": "string"}},
        {"name": "x-token", "in": "header", "schema": {"type": "string"}},
        {
            "name": "order-by",
            "in": "query",
            "schema": {"type": "array", "items": {"type": "string"}, "default": ["name"]},
        },
        {
            "name": "seen",
            "in": "cookie",
            "explode": False,
            "schema": {"type": "array", "items": {"type": "integer"}},
        },
    ]


def test_a_json_body() -> None:
    async def handler(order: Order) -> None: ...

    assert operation(handler)["requestBody"] == {
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}},
        "required": True,
    }


@pytest.mark.parametrize("annotation", [bytes, AsyncIterator[bytes]])
def test_a_body_as_it_is(annotation: Any) -> None:
    async def handler(body: Any) -> None: ...

    handler.__annotations__["body"] = annotation

    assert list(operation(handler)["requestBody"]["content"]) == ["application/octet-stream"]


def test_a_form_is_described_for_both_media_types_and_for_multipart_where_there_are_files() -> None:
    async def plain(order: Annotated[Order, Form()]) -> None: ...
    async def files(photo: Upload, others: list[Upload], name: Annotated[str, Form()] = "x") -> None: ...

    content = operation(plain)["requestBody"]["content"]
    parts = operation(files)["requestBody"]["content"]

    assert list(content) == ["application/x-www-form-urlencoded", "multipart/form-data"]
    assert content["multipart/form-data"]["schema"]["required"] == ["email"]
    binary = {"type": "string", "format": "binary"}
    assert parts == {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {
                    "photo": binary,
                    "others": {"type": "array", "items": binary},
                    "name": {"type": "string", "default": "x"},
                },
                "required": ["photo", "others"],
            }
        }
    }


@pytest.mark.parametrize(
    ("returns", "declared", "status", "content"),
    [
        (None, 200, "204", None),
        (None, 202, "202", None),
        (str, 200, "200", {"text/plain; charset=utf-8": {"schema": {"type": "string"}}}),
        (
            list[int],
            201,
            "201",
            {"application/json": {"schema": {"type": "array", "items": {"type": "integer"}}}},
        ),
        (bytes, 200, "200", {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}),
        (
            Order | Response,
            200,
            "200",
            {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}},
        ),
        (Stream, 200, "200", None),
        (Any, 299, "299", None),
        (Order | Airport, 200, "200", {"application/json": {"schema": {}}}),
        (list[Unknown], 200, "200", {"application/json": {"schema": {}}}),
    ],
)
def test_the_success_is_what_the_handler_returns(
    returns: Any, declared: int, status: str, content: dict[str, Any] | None
) -> None:
    async def handler() -> Any: ...

    handler.__annotations__["return"] = returns
    responses = operation(handler, status=declared)["responses"]

    assert list(responses) == [status, "default"]
    assert responses[status].get("content") == content


def test_422_is_there_where_something_can_be_invalid() -> None:
    async def text(a: str) -> None: ...
    async def number(a: int) -> None: ...
    async def bounded(a: Annotated[int, Meta(ge=1)]) -> None: ...
    async def query(q: str = "") -> None: ...
    async def body(order: Order) -> None: ...
    async def raw(body: bytes) -> None: ...

    assert "422" not in operation(text, "/{a}")["responses"]
    assert "422" not in operation(number, "/{a:int}")["responses"]
    assert "422" not in operation(raw)["responses"]
    for handler, template in ((number, "/{a}"), (bounded, "/{a:int}"), (query, "/x"), (body, "/x")):
        assert "422" in operation(handler, template)["responses"]


def test_routes_of_one_path_are_put_together_and_names_are_unique() -> None:
    made = described(
        Route(method="GET", template="/a/{x:int}", handler=nothing_with_x, name="a"),
        Route(method="GET", template="/a/{x}", handler=nothing_with_x, name="shadowed"),
        Route(method="POST", template="/a/{x}", handler=nothing_with_x, name="a"),
        Route(method="GET", template="/b", handler=nothing, name="a"),
    )

    assert {(path, m): o["operationId"] for path, ops in made["paths"].items() for m, o in ops.items()} == {
        ("/a/{x}", "get"): "a",
        ("/a/{x}", "post"): "a_2",
        ("/b", "get"): "a_3",
    }


async def nothing_with_x(request: Request) -> None: ...


def test_what_cannot_or_shall_not_be_described_is_left_out() -> None:
    made = described(
        Route(method="PURGE", template="/a", handler=nothing, name="a"),
        Route(method="GET", template="/b", handler=nothing, name="b", hidden=True),
    )

    assert made["paths"] == {}


def test_a_problem_is_what_its_schema_says() -> None:
    fault = FieldError(location="query.q", expected="integer", received='"x"')
    error = ValidationFailed([fault])

    sent = msgspec.json.decode(problem(error, None).body)

    assert msgspec.convert(sent, Problem).errors == [fault]
    assert set(sent) <= set(Problem.__struct_fields__)


def test_two_structs_of_one_name_get_a_schema_each() -> None:
    async def one() -> Airport: ...  # type: ignore[empty-body]
    async def other() -> Elsewhere.Airport: ...  # type: ignore[empty-body]

    made = described(
        Route(method="GET", template="/a", handler=one, name="a"),
        Route(method="GET", template="/b", handler=other, name="b"),
    )

    schemas = made["components"]["schemas"]
    assert schemas["Airport"]["properties"]["iata"]["type"] == "string"
    assert schemas["Airport_2"]["properties"]["iata"]["type"] == "integer"
