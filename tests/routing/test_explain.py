"""Which fields are reported, where, and in which words."""

import enum
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, TypedDict
from uuid import UUID

import msgspec
import pytest
from msgspec import Meta, Raw, Struct, field, inspect

from stanchion.routing.explain import MOST, explain


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Line(Struct):
    sku: str
    price: Annotated[float, Meta(ge=0)]
    count: Annotated[int, Meta(ge=1, le=99)] = 1


class Order(Struct, rename="camel"):
    customer_id: int
    lines: Annotated[list[Line], Meta(min_length=1)]
    paid_at: datetime | None = None


class Card(Struct, tag="card", tag_field="kind"):
    number: str


class Transfer(Struct, tag="transfer", tag_field="kind"):
    iban: str


class Strict(Struct, forbid_unknown_fields=True):
    a: int = 0


class Range(Struct):
    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low must not exceed high")


class Point(Struct, array_like=True):
    x: int
    y: int = 0


class Node(Struct):
    child: "Node | None" = None
    number: int = 0


class Hook(Struct):
    event: str
    payload: Raw


class Pair(NamedTuple):
    left: int
    right: str = ""


class Movie(TypedDict):
    title: str
    year: NotRequired[int]


@dataclass
class Address:
    city: str
    zip_code: Annotated[str, Meta(pattern="^[0-9]{5}$")] = "00000"


def told(type_: Any, value: Any) -> list[tuple[str, str, str]]:
    return [
        (error.location, error.expected, error.received) for error in explain(inspect.type_info(type_), value, "body")
    ]


def test_every_field_of_a_nested_body_is_reported() -> None:
    body = {
        "customerId": "7",
        "lines": [{"sku": "a", "price": 1}, {"sku": 5, "price": -1}, {"price": 1, "count": 0}],
        "paidAt": "yesterday",
    }
    assert told(Order, body) == [
        ("body.customerId", "integer", '"7"'),
        ("body.lines[1].sku", "string", "5"),
        ("body.lines[1].price", "number >= 0", "-1"),
        ("body.lines[2].sku", "string", "nothing"),
        ("body.lines[2].count", "integer >= 1 and <= 99", "0"),
        ("body.paidAt", "date-time (RFC 3339) or null", '"yesterday"'),
    ]


def test_a_valid_value_has_no_faults() -> None:
    assert told(Order, {"customerId": 7, "lines": [{"sku": "a", "price": 1.5}]}) == []


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        (int, True, "integer"),
        (bool, 1, "boolean"),
        (str, None, "string"),
        (None, 0, "null"),
        (date, "2024-02-30", "date (YYYY-MM-DD)"),
        (UUID, "x", "UUID"),
        (Annotated[datetime, Meta(tz=True)], "2024-01-01T00:00:00", "date-time (RFC 3339) with a time zone"),
        (Annotated[int, Meta(multiple_of=5)], 3, "integer, a multiple of 5"),
        (Annotated[int, Meta(gt=0, multiple_of=5)], 3, "integer > 0 and a multiple of 5"),
        (Annotated[str, Meta(min_length=2, max_length=3)], "abcd", "string of 2 to 3 characters"),
        (Annotated[str, Meta(min_length=1)], "", "string of at least 1 character"),
        (Annotated[str, Meta(min_length=2, max_length=2)], "", "string of 2 characters"),
        (Annotated[list[int], Meta(max_length=1)], [1, 2], "array of at most 1 item"),
        (Annotated[dict[str, int], Meta(min_length=1)], {}, "object of at least 1 member"),
        (tuple[int, str], [1], "array of 2 items"),
        (Pair, [], "array of 1 to 2 items"),
        (Point, [], "array of 1 to 2 items"),
        (Colour, "green", "one of 'red', 'blue'"),
        (Literal["a", None], "b", "one of null, 'a'"),
        (Literal["only"], "b", "'only'"),
        (Order, [], "object"),
        (Line | None, 3, "object or null"),
        (set[Any], [{}], "unhashable type: 'dict'"),
    ],
)
def test_what_was_expected_is_in_a_callers_words(type_: Any, value: Any, expected: str) -> None:
    assert told(type_, value) == [("body", expected, msgspec.json.encode(value).decode())]


@pytest.mark.parametrize(
    ("type_", "value", "fault"),
    [
        (Card | Transfer, {"kind": "cash"}, ("body.kind", "one of 'card', 'transfer'", '"cash"')),
        (Card | Transfer, {"number": "1"}, ("body.kind", "one of 'card', 'transfer'", "nothing")),
        (Card | Transfer, {"kind": "card", "number": 1}, ("body.number", "string", "1")),
        (Card, {"kind": "transfer", "number": "1"}, ("body.kind", "'card'", '"transfer"')),
        (Strict, {"a": 1, "b": [2]}, ("body.b", "no such field", "[2]")),
        (Strict, {"b c": 2}, ('body["b c"]', "no such field", "2")),
        (Range, {"low": 2, "high": 1}, ("body", "low must not exceed high", '{"low":2,"high":1}')),
        (list[Range], [{"low": 2, "high": 1}], ("body[0]", "low must not exceed high", '{"low":2,"high":1}')),
        (Pair, [1, 2], ("body[1]", "string", "2")),
        (Point, [1, "2"], ("body[1]", "integer", '"2"')),
        (tuple[int, ...], [1, 2, "3"], ("body[2]", "integer", '"3"')),
        (Movie, {"year": 1999}, ("body.title", "string", "nothing")),
        (Movie, {"title": "a", "year": ""}, ("body.year", "integer", '""')),
        (Address, {"city": "a", "zip_code": "b"}, ("body.zip_code", "string matching ^[0-9]{5}$", '"b"')),
        (dict[str, int], {"a": 1, "b": "c"}, ("body.b", "integer", '"c"')),
        (dict[int, str], {"1": "a", "b": "c"}, ("body.b", "a key that is integer", '"b"')),
        (list[int] | None, [None], ("body[0]", "integer", "null")),
    ],
)
def test_where_the_fault_is(type_: Any, value: Any, fault: tuple[str, str, str]) -> None:
    assert told(type_, value) == [fault]


def test_a_raw_member_is_never_at_fault() -> None:
    hooks = [{"event": "a", "payload": {"b": [1]}}, {"event": 1, "payload": None}]
    assert told(list[Hook], hooks) == [("body[1].event", "string", "1")]


def test_a_received_value_is_cut() -> None:
    (fault,) = explain(inspect.type_info(int), "é" * 500, "body")
    assert len(fault.received) == 80
    assert fault.received.startswith('"é')
    assert fault.received.endswith("…")


def test_a_long_member_name_is_cut() -> None:
    (fault,) = explain(inspect.type_info(Strict), {"n" * 500: 1}, "body")
    assert len(fault.location) < 100


def test_what_lies_deeper_than_the_walk_is_reported_by_msgspecs_own_message() -> None:
    value: dict[str, Any] = {"number": "x"}
    for _ in range(40):
        value = {"child": value}
    (fault,) = explain(inspect.type_info(Node), value, "body")
    assert fault.location == "body" + ".child" * 40 + ".number"
    assert fault.expected == "Expected `int`, got `str`"


def test_the_report_is_bounded() -> None:
    assert len(explain(inspect.type_info(list[int]), ["x"] * 10_000, "body")) == MOST


def test_one_fault_among_many_items_is_found() -> None:
    (fault,) = explain(inspect.type_info(list[int]), [*range(70_000), "x", *range(30_000)], "body")
    assert fault.location == "body[70000]"


def test_unset_and_factories_are_optional() -> None:
    class Patch(Struct):
        name: str | msgspec.UnsetType = msgspec.UNSET
        tags: list[str] = field(default_factory=list)

    assert told(Patch, {}) == []
    assert told(Patch, {"name": 1, "tags": [2]}) == [
        ("body.name", "string", "1"),
        ("body.tags[0]", "string", "2"),
    ]
