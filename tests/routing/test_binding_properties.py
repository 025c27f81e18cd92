"""Whatever bytes come, a handler gets a value of its type or the client a 4xx."""

import enum
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta, Struct

from stanchion.errors import HTTPError
from stanchion.http.params import Cookie, Form, Header, Query


class Mode(enum.Enum):
    FAST = "fast"
    SLOW = "slow"


class Line(Struct):
    sku: str
    price: Annotated[float, Meta(ge=0)]
    at: datetime | None = None


class Order(Struct):
    id: UUID
    lines: list[Line]
    notes: dict[str, str] = {}
    mode: Mode = Mode.FAST
    amount: Decimal = Decimal(0)
    ids: set[int] = set()
    anything: Any = None
    raw: msgspec.Raw = msgspec.Raw(b"null")


class Filters(Struct):
    page: Annotated[int, Meta(ge=1)] = 1
    tags: list[str] = []
    since: date | None = None


QUERY_TYPES = {
    "a": int, "b": float, "c": bool, "d": date, "e": datetime, "f": UUID, "g": Mode, "h": Literal["x", 1],
    "i": list[int], "j": tuple[int, str], "k": Decimal, "l": int | str,
    "m": Annotated[str, Meta(max_length=2)],
}  # fmt: skip

Json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.uuids().map(str),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(list(Order.__struct_fields__) + list(Line.__struct_fields__)), inner)
    ),
    max_leaves=12,
)
Bodies = (
    st.binary() | Json.map(msgspec.json.encode) | st.text('[]{}",:\\u0eE+-.1nultrfas ', max_size=40).map(str.encode)
)
Texts = st.text(max_size=8) | st.integers().map(str) | st.sampled_from(["true", "fast", "x", "1.5", "2026-07-31"])


Queries = st.lists(st.tuples(st.sampled_from([*QUERY_TYPES]), Texts)).map(urlencode)
Fields = st.lists(st.tuples(st.sampled_from(Filters.__struct_fields__), Texts)).map(urlencode)
HeaderTexts = st.text(st.characters(codec="latin-1"), max_size=20)


def outcome(bound: Any, *args: Any, **kwargs: Any) -> int:
    try:
        return bound.ask(*args, **kwargs).status
    except HTTPError as error:
        if error.status == 422:
            faults = error.extensions["errors"]
            assert faults
            assert all(fault.expected and fault.received for fault in faults)
        return error.status


@given(body=Bodies)
@settings(max_examples=150, deadline=None)
def test_any_body_is_a_value_or_a_refusal(bound_of, body: bytes) -> None:
    got: list[Any] = []

    async def handler(order: Order) -> None:
        got.append(order)

    status = outcome(bound_of(handler, "POST"), body=body)
    try:
        right = msgspec.json.decode(body, type=Order)
    except (ValueError, RecursionError):
        assert status in (400, 422)
    else:
        assert status == 204
        assert msgspec.json.encode(got[0]) == msgspec.json.encode(right)


@given(body=Bodies, content_type=HeaderTexts)
@settings(max_examples=100, deadline=None)
def test_any_media_type_is_taken_or_refused(bound_of, body: bytes, content_type: str) -> None:
    async def handler(body: Any) -> None: ...

    headers = {"Content-Type": content_type}
    assert outcome(bound_of(handler, "POST"), headers=headers, body=body) in (204, 400, 415, 422)


@given(query=st.text(max_size=40) | Queries)
@settings(max_examples=150, deadline=None)
def test_any_query_is_values_or_a_refusal(bound_of, query: str) -> None:
    async def handler(*, a, b, c, d, e, f, g, h, i, j, k, l, m) -> None: ...  # type: ignore[no-untyped-def]  # noqa: E741

    handler.__annotations__.update({name: kind | None for name, kind in QUERY_TYPES.items()})
    assert outcome(bound_of(handler), query) in (204, 400, 422)


@given(query=Fields)
@settings(max_examples=100, deadline=None)
def test_any_query_is_a_struct_or_a_refusal(bound_of, query: str) -> None:
    async def handler(filters: Annotated[Filters, Query()]) -> Filters:
        return filters

    bound = bound_of(handler)
    if outcome(bound, query) == 200:
        assert msgspec.json.decode(bound.ask(query).body, type=Filters).page >= 1


@given(st.dictionaries(st.sampled_from(["X-A", "X-B", "Cookie"]), HeaderTexts))
@settings(max_examples=100, deadline=None)
def test_any_header_is_values_or_a_refusal(bound_of, headers: dict[str, str]) -> None:
    async def handler(
        x_a: Annotated[int, Header()],
        x_b: Annotated[list[Mode], Header()],
        sid: Annotated[UUID | None, Cookie()],
    ) -> None: ...

    assert outcome(bound_of(handler), headers=headers) in (204, 422)


@given(body=st.binary() | Fields.map(str.encode))
@settings(max_examples=100, deadline=None)
def test_any_form_is_a_struct_or_a_refusal(bound_of, body: bytes) -> None:
    async def handler(filters: Annotated[Filters, Form()]) -> Filters:
        return filters

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert outcome(bound_of(handler, "POST"), headers=headers, body=body) in (200, 400, 422)


@given(segment=Texts)
@settings(max_examples=100, deadline=None)
def test_any_path_segment_is_a_value_or_a_refusal(bound_of, segment: str) -> None:
    async def handler(id: UUID | Annotated[int, Meta(ge=1)]) -> str:
        return str(id)

    bound = bound_of(handler, template="/{id}")
    status = outcome(bound, args=(segment,))
    assert status == 422 or bound.ask(args=(segment,)).body.decode() in (segment, segment.lower().lstrip("0"))
