"""JSON bodies: taken, refused by kind, reported field by field."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, TypedDict

import msgspec
import pytest
from msgspec import Meta, Struct

from stanchion.errors import BadRequest, ContentTooLarge, RouteError, UnsupportedMediaType
from stanchion.http.params import Body
from stanchion.routing.binding import BindLimits


class Line(Struct):
    sku: str
    price: Annotated[float, Meta(ge=0)]


class Order(Struct, rename="camel"):
    customer_id: int
    lines: list[Line] = []


@dataclass
class Address:
    city: str


class Movie(TypedDict):
    title: str


class Point(NamedTuple):
    x: int
    y: int


class Opaque:
    pass


class Holder(Struct):
    """Holds what nothing decodes, and itself."""

    parts: list[Opaque]
    inner: "Holder | None" = None


async def take(order: Order) -> Order:
    return order


@pytest.mark.parametrize(
    ("annotation", "body"),
    [
        (Order, b'{"customerId":1,"lines":[{"sku":"a","price":2.0}]}'),
        (Address, b'{"city":"Ulm"}'),
        (Movie, b'{"title":"M"}'),
        (Point, b"[1,2]"),
        (list[Order], b'[{"customerId":1,"lines":[]}]'),
        (dict[str, int], b'{"a":1}'),
        (Annotated[list[int], Body()], b"[1,2]"),
        (Annotated[str, Body()], b'"text"'),
    ],
)
def test_a_body_is_decoded_by_its_type(bound_of, annotation: Any, body: bytes) -> None:
    got: list[Any] = []

    async def handler(x) -> None:  # type: ignore[no-untyped-def]
        got.append(x)

    handler.__annotations__["x"] = annotation
    bound_of(handler, "POST").ask(body=body)
    assert msgspec.json.encode(got[0]) == body


@pytest.mark.parametrize(
    "content_type",
    [
        None, "application/json", "Application/JSON", "application/json; charset=utf-8",
        "application/json;charset=x", "application/merge-patch+json", "application/problem+json; a=b", "",
        " application/json ",
    ],
)  # fmt: skip
def test_json_by_any_name_is_taken(bound_of, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    assert bound_of(take, "POST").ask(headers=headers, body=b'{"customerId":1}').status == 200


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/xml",
        "application/jsonp",
        "text/x+json",
        "application/json, text/html",
        "\xff",
    ],
)
def test_another_media_type_is_refused_before_the_body_is_read(bound_of, request_of, content_type: str) -> None:
    bound = bound_of(take, "POST")
    with pytest.raises(UnsupportedMediaType, match="expected application/json"):
        bound.ask(headers={"Content-Type": content_type}, body=b"{")


@pytest.mark.parametrize(
    "body",
    [
        b"{", b" ", b"{]", b"nul", b"NaN", b"[Infinity]", b"{'a':1}", b"{} {}", b"[1,]", b"1e999",
        b"[-1e999]",
        b'"\xff"', b'{"customerId":"\\ud800"}', b'{"customerId":"\\udc00\\ud800"}', b"[" * 100_000,
        b'{"a":' * 5_000, b"\x00", b"\xef\xbb\xbf{}", b"1" * 5000, b'{"customerId":1,"x":"\x01"}',
    ],
)  # fmt: skip
def test_what_is_not_json_is_a_bad_request(bound_of, body: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        bound_of(take, "POST").ask(body=body)
    assert (caught.value.status, caught.value.code) == (400, "malformed-json")
    assert len(caught.value.detail) < 200


def test_every_field_is_reported_with_its_place(bound_of) -> None:
    body = b'{"customerId":"1","lines":[{"sku":"a","price":1},{"sku":2,"price":-1},5]}'
    assert bound_of(take, "POST").faults(body=body) == [
        ("body.customerId", "integer", '"1"'),
        ("body.lines[1].sku", "string", "2"),
        ("body.lines[1].price", "number >= 0", "-1"),
        ("body.lines[2]", "object", "5"),
    ]


def test_a_fault_hidden_by_a_repeated_name_is_reported(bound_of) -> None:
    body = b'{"customerId":"x","customerId":1}'
    fault = ("body.customerId", "Expected `int`, got `str`", body.decode())
    assert bound_of(take, "POST").faults(body=body) == [fault]


def test_malformed_comes_before_invalid(bound_of) -> None:
    async def handler(n: int, order: Order) -> None: ...

    assert bound_of(handler, "POST").refusal("n=x", body=b"{") == (400, "malformed-json")


def test_a_missing_body_is_reported(bound_of) -> None:
    assert bound_of(take, "POST").faults() == [("body", "object", "nothing")]
    assert bound_of(take, "POST").faults(body=b"") == [("body", "object", "nothing")]


def test_an_optional_body_may_be_missing(bound_of) -> None:
    async def handler(order: Order | None, n: int = 0) -> list[Any]:
        return [order, n]

    bound = bound_of(handler, "POST")
    assert bound.ask().body == b"[null,0]"
    assert bound.ask(body=b"null").body == b"[null,0]"
    assert bound.ask(body=b'{"customerId":1}').body == b'[{"customerId":1,"lines":[]},0]'
    assert bound.faults("n=x") == [("query.n", "integer", '"x"')]


def nested(count: int) -> bytes:
    return msgspec.json.encode({"customerId": 1, "lines": [{"sku": 'a:"\\', "price": 1}] * count})


def test_members_are_bounded(bound_of) -> None:
    bound = bound_of(take, "POST", limits=BindLimits(max_json_keys=10))
    assert bound.ask(body=nested(4)).status == 200
    with pytest.raises(ContentTooLarge) as caught:
        bound.ask(body=nested(5))
    assert (caught.value.status, caught.value.code) == (413, "too-many-keys")


def test_a_colon_in_a_string_is_no_member(bound_of) -> None:
    async def handler(body: str) -> str:
        return body

    bound = bound_of(handler, "POST", limits=BindLimits(max_json_keys=0))
    for text in ("::::", '"":"', "\\", ":\\", '\\":\\":'):
        assert bound.ask(body=msgspec.json.encode(text)).body == text.encode()


def test_a_raw_body_is_of_any_type(bound_of) -> None:
    async def handler(body: bytes) -> bytes:
        return body

    bound = bound_of(handler, "POST")
    assert bound.ask(headers={"Content-Type": "image/png"}, body=b"\x89PNG").body == b"\x89PNG"
    assert bound.ask().body == b""


def test_a_body_as_a_stream(bound_of) -> None:
    async def handler(chunks: AsyncIterator[bytes]) -> list[int]:
        return [len(chunk) async for chunk in chunks]

    assert bound_of(handler, "POST").ask(body=b"abc").body == b"[3]"
    assert bound_of(handler, "POST").ask().body == b"[]"


@pytest.mark.parametrize("annotation", [Holder, list[Opaque], dict[str, tuple[int, Opaque]]])
def test_a_type_nothing_decodes_is_refused_at_start(bound_of, annotation: Any) -> None:
    async def handler(x) -> None: ...  # type: ignore[no-untyped-def]

    handler.__annotations__["x"] = annotation
    with pytest.raises(RouteError, match="nothing decodes JSON into Opaque"):
        bound_of(handler, "POST")
