"""Where each parameter comes from, and which signatures are refused with which mend."""

import enum
import inspect
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial, wraps
from typing import Annotated, Any, Literal, NamedTuple, NewType, TypedDict
from uuid import UUID

import pytest
from msgspec import UNSET, Meta, Struct

from stanchion.errors import RouteError
from stanchion.http.params import Body, Cookie, Form, Header, Path, Query
from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.http.uploads import Upload
from stanchion.routing.signature import Parameter, Signature, signature_of, where


class Order(Struct):
    id: int


class Filters(Struct, rename="camel"):
    page_size: Annotated[int, Meta(ge=1)] = 10
    tags: list[str] = []


class Photo(Struct):
    title: str
    file: Upload
    note: str = ""


class Mode(enum.Enum):
    FAST = "fast"


@dataclass
class Address:
    city: str


class Movie(TypedDict):
    title: str


class Point(NamedTuple):
    x: int


class Database:
    pass


AirportCode = NewType("AirportCode", str)


def taken(handler: Any, *names: str, resources: Mapping[type, Any] | None = None) -> Signature:
    return signature_of(handler, names, resources or {})


def only(handler: Any, *names: str, resources: Mapping[type, Any] | None = None) -> Parameter:
    (parameter,) = taken(handler, *names, resources=resources).parameters
    return parameter


def handler_of(annotation: Any, name: str = "x") -> Any:
    """A handler with one parameter."""

    def handler(*_: Any) -> None: ...

    handler.__annotations__ = {name: annotation}
    parameter = inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    handler.__signature__ = inspect.Signature([parameter])  # type: ignore[attr-defined]
    return handler


@pytest.mark.parametrize(
    "annotation",
    [
        str, int, float, bool, date, datetime, UUID, Mode, AirportCode, Literal["a", "b"], int | None,
        int | str,
        list[int], set[str], tuple[int, ...], tuple[int, str], list[UUID] | None, Annotated[int, Meta(ge=1)],
        Annotated[list[int], Meta(max_length=3)], Annotated[int, Meta(description="a page")],
    ],
)  # fmt: skip
def test_scalars_and_lists_of_them_are_query_parameters(annotation: Any) -> None:
    assert only(handler_of(annotation)).source == "query"


@pytest.mark.parametrize(
    "annotation",
    [
        Order, Order | None, Address, Movie, Point, list[Order], dict[str, int], dict, list[dict[str, Any]],
        Annotated[Order, Meta(description="an order")], list[list[int]],
    ],
)  # fmt: skip
def test_what_text_cannot_hold_is_the_json_body(annotation: Any) -> None:
    body = taken(handler_of(annotation)).body
    assert body is not None
    assert (body.kind, body.media_types, body.type) == ("json", ("application/json",), annotation)


@pytest.mark.parametrize("annotation", [str, int, Any, list[int], Order])
def test_a_parameter_called_body_is_the_json_body(annotation: Any) -> None:
    body = taken(handler_of(annotation, "body")).body
    assert body is not None
    assert body.kind == "json"


def test_the_body_as_bytes_or_as_a_stream() -> None:
    async def whole(body: bytes) -> None: ...
    async def marked(data: Annotated[bytes, Body()]) -> None: ...
    async def streamed(chunks: AsyncIterator[bytes]) -> None: ...

    assert [taken(handler).body.kind for handler in (whole, marked, streamed)] == ["bytes", "bytes", "stream"]  # type: ignore[union-attr]
    assert taken(whole).body.media_types == ()  # type: ignore[union-attr]


def test_a_name_in_the_template_is_a_path_parameter_whatever_its_type() -> None:
    async def handler(id: int, at: date, plain) -> None: ...  # type: ignore[no-untyped-def]

    found = taken(handler, "id", "at", "plain")
    assert [(p.source, p.type, p.required) for p in found.parameters] == [
        ("path", int, True),
        ("path", date, True),
        ("path", str, True),
    ]


def test_a_parameter_called_request_needs_no_annotation() -> None:
    async def handler(request): ...  # type: ignore[no-untyped-def]

    assert only(handler).source == "request"


def test_markers_name_the_source() -> None:
    async def handler(
        request: Request,
        q: Annotated[int, Query(alias="query"), Meta(ge=1)],
        x_token: Annotated[str, Header],
        agent: Annotated[str | None, Header(alias="User-Agent")],
        sid: Annotated[str, Cookie(alias="session")] = "none",
        id: Annotated[int, Path()] = 0,
    ) -> None: ...

    found = taken(handler, "id")
    assert [(p.source, p.alias, p.required) for p in found.parameters] == [
        ("request", "request", True),
        ("query", "query", True),
        ("header", "x-token", True),
        ("header", "user-agent", False),
        ("cookie", "session", False),
        ("path", "id", False),
    ]
    assert found.parameters[1].type == Annotated[int, Meta(ge=1)]
    assert found.parameters[3].default is None


def test_a_struct_is_taken_apart() -> None:
    async def handler(filters: Annotated[Filters, Query()], photo: Annotated[Photo, Form()]) -> None: ...

    found = taken(handler)
    assert [(p.name, p.alias, p.source, p.required) for p in found.of("query", "form", "file")] == [
        ("page_size", "pageSize", "query", False),
        ("tags", "tags", "query", False),
        ("title", "title", "form", True),
        ("file", "file", "file", True),
        ("note", "note", "form", False),
    ]
    assert found.body is not None
    assert (found.body.kind, found.body.media_types) == ("form", ("multipart/form-data",))


def test_a_form_without_files_may_be_urlencoded() -> None:
    async def handler(name: Annotated[str, Form()], tags: Annotated[list[str], Form(alias="tag")]) -> None: ...

    body = taken(handler).body
    assert body is not None
    assert body.media_types == ("application/x-www-form-urlencoded", "multipart/form-data")


@pytest.mark.parametrize("annotation", [Upload, list[Upload], Upload | None, Annotated[Upload, Form()]])
def test_uploads_are_files_of_a_form(annotation: Any) -> None:
    assert only(handler_of(annotation)).source == "file"


def test_resources_are_asked_for_by_their_class() -> None:
    async def handler(db: Database, defaults: Filters) -> None: ...

    found = taken(handler, resources={Filters: Filters()})
    assert [p.source for p in found.parameters] == ["resource", "resource"]
    assert taken(handler).body is not None  # a Struct nothing provides is a body


def test_defaults_and_optional_make_a_parameter_optional() -> None:
    async def handler(a: int, b: int | None, c: int = 7, *, d: list[int] = []) -> None: ...  # noqa: B006

    found = taken(handler).parameters
    assert [(p.required, p.default) for p in found] == [(True, UNSET), (False, None), (False, 7), (False, [])]
    assert [p.keyword_only for p in found] == [False, False, False, True]


def test_returns_and_async() -> None:
    async def one() -> Order: ...  # type: ignore[empty-body]
    def other(): ...  # type: ignore[no-untyped-def]

    assert (taken(one).returns, taken(one).is_async) == (Order, True)
    assert (taken(other).returns, taken(other).is_async) == (inspect.Signature.empty, False)


class Airports:
    async def read(self, iata: str) -> str:
        return iata

    async def __call__(self, iata: str) -> str:
        return iata


def decorated(function: Any) -> Any:
    @wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return await function(*args, **kwargs)

    return wrapper


async def plain(iata: str, limit: int = 5) -> str:
    return iata


@pytest.mark.parametrize("handler", [Airports().read, Airports(), decorated(plain), partial(plain, limit=3), plain])
def test_handlers_of_every_kind_are_read(handler: Any) -> None:
    found = taken(handler, "iata")
    assert found.parameters[0].source == "path"
    assert found.is_async
    assert "test_signature.py:" in where(handler)


def test_what_a_partial_fixes_is_not_asked_for() -> None:
    assert [p.name for p in taken(partial(plain, limit=3), "iata").parameters] == ["iata"]


async def two_bodies(order: Order, other: Order) -> None: ...
async def body_and_form(order: Order, name: Annotated[str, Form()]) -> None: ...
async def starred(*ids: int) -> None: ...
async def keywords(**more: str) -> None: ...
async def unannotated(q) -> None: ...  # type: ignore[no-untyped-def]
async def unknown(q: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821
async def twice(q: Annotated[str, Query(), Header()]) -> None: ...
async def as_default(q: str = Query()) -> None: ...  # type: ignore[assignment]
async def not_in_template(q: Annotated[str, Path()]) -> None: ...
async def bare_bytes(data: bytes) -> None: ...
async def anything(q: Any) -> None: ...
async def optional_resource(db: Database | None) -> None: ...
async def undecodable(q: Annotated[str, Meta(ge=1)]) -> None: ...
async def bad_header(q: Annotated[str, Header(alias="a b")]) -> None: ...


async def generator() -> AsyncIterator[bytes]:
    yield b""


@pytest.mark.parametrize(
    ("handler", "told"),
    [
        (two_bodies, ["order, other", "one Struct", "Query()"]),
        (body_and_form, ["order, name", "a request has one"]),
        (starred, ["'ids'", "name each one"]),
        (keywords, ["'more'", "name each one"]),
        (unannotated, ["'q'", "no annotation", "`str`"]),
        (unknown, ["'Nowhere'", "at the module's top"]),
        (twice, ["two markers", "keep one"]),
        (as_default, ["write Annotated[…, Query()]"]),
        (not_in_template, ["no {q}"]),
        (bare_bytes, ["base64 string", "call it `body`", "Body()"]),
        (anything, ["any value", "Query()"]),
        (optional_resource, ["by its class alone"]),
        (undecodable, ["cannot be decoded", "`ge`"]),
        (bad_header, ["'a b'", "alias"]),
        (generator, ["return Stream(generator())"]),
    ],
)
def test_what_cannot_be_bound_is_refused_with_its_place_and_its_mend(handler: Any, told: list[str]) -> None:
    with pytest.raises(RouteError) as caught:
        taken(handler)
    message = str(caught.value)
    assert f"handler {handler.__name__} (" in message
    assert f"test_signature.py:{handler.__code__.co_firstlineno})" in message
    assert all(part in message for part in told), message


def test_a_template_parameter_nobody_takes_is_refused_unless_the_request_is_taken() -> None:
    async def forgetful() -> None: ...
    async def by_hand(request: Request) -> Response:
        return Response(request.path_params["iata"])

    with pytest.raises(RouteError, match="does not take the template's 'iata'; add a parameter"):
        taken(forgetful, "iata")
    assert taken(by_hand, "iata").parameters[0].source == "request"
