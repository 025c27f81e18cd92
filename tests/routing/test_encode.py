"""What a handler's result becomes."""

import enum
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

import pytest
from msgspec import Meta, Struct

from stanchion.errors import RouteError
from stanchion.http.files import File
from stanchion.http.response import BYTES, HTML, JSON, TEXT, Response, Stream


class Airport(Struct):
    iata: str


class Larger(Airport):
    runways: int = 2


@dataclass
class Address:
    city: str


class Movie(TypedDict):
    title: str


class Point(NamedTuple):
    x: int


class Mode(enum.Enum):
    FAST = "fast"


class Created(Response):
    """A response of an application's own."""


NO_ANNOTATION = object()


def returned(bound_of: Any, annotation: Any, value: Any, **route: Any) -> Response:
    async def handler():  # type: ignore[no-untyped-def]
        return value

    if annotation is not NO_ANNOTATION:
        handler.__annotations__["return"] = annotation
    response: Response = bound_of(handler, **route).ask()
    return response


@pytest.mark.parametrize(
    ("annotation", "value", "body", "media_type"),
    [
        (Airport, Airport("SFO"), b'{"iata":"SFO"}', JSON),
        (Airport, Larger("SFO"), b'{"iata":"SFO","runways":2}', JSON),
        (Airport | None, Airport("SFO"), b'{"iata":"SFO"}', JSON),
        (Airport | None, None, b"null", JSON),
        (list[Airport], [Airport("SFO")], b'[{"iata":"SFO"}]', JSON),
        (Annotated[list[int], Meta(max_length=3)], [1], b"[1]", JSON),
        (Address, Address("Ulm"), b'{"city":"Ulm"}', JSON),
        (Movie, {"title": "M"}, b'{"title":"M"}', JSON),
        (Point, Point(1), b"[1]", JSON),
        (dict[str, date], {"a": date(2026, 7, 31)}, b'{"a":"2026-07-31"}', JSON),
        (Airport | Address, Address("Ulm"), b'{"city":"Ulm"}', JSON),
        (Literal["a"], "a", b'"a"', JSON),
        (Mode, Mode.FAST, b'"fast"', JSON),
        (bool, True, b"true", JSON),
        (int, 7, b"7", JSON),
        (str, "ä", "ä".encode(), TEXT),
        (bytes, b"\x00", b"\x00", BYTES),
        (NO_ANNOTATION, "ä", "ä".encode(), TEXT),
        (NO_ANNOTATION, bytearray(b"a"), b"a", BYTES),
        (NO_ANNOTATION, [1], b"[1]", JSON),
        (NO_ANNOTATION, Airport("SFO"), b'{"iata":"SFO"}', JSON),
        (Any, {"a": 1}, b'{"a":1}', JSON),
        (Response, "text", b"text", TEXT),
    ],
)
def test_the_annotation_or_the_value_decides(
    bound_of, annotation: Any, value: Any, body: bytes, media_type: str
) -> None:
    response = returned(bound_of, annotation, value, status=202)
    assert (response.body, response.status, response.media_type) == (body, 202, media_type)


@pytest.mark.parametrize("annotation", [None, NO_ANNOTATION, Any, Response, str])
def test_none_is_no_content(bound_of, annotation: Any) -> None:
    for status, expected in ((200, 204), (202, 202), (204, 204)):
        if annotation is not str or status != 204:
            response = returned(bound_of, annotation, None, status=status)
            assert (response.body, response.status, response.media_type) == (b"", expected, None)


@pytest.mark.parametrize("annotation", [Airport, str, bytes, None, NO_ANNOTATION, Response, Airport | Response])
@pytest.mark.parametrize(
    ("body", "media_type", "sent", "sent_type"),
    [
        ({"a": 1}, None, b'{"a":1}', JSON),
        (Airport("SFO"), "application/geo+json", b'{"iata":"SFO"}', "application/geo+json"),
        ("<p>", HTML, b"<p>", HTML),
        ("text", None, b"text", TEXT),
        (b"octets", None, b"octets", BYTES),
        (b"", None, b"", None),
        (None, None, b"", None),
    ],
)
def test_a_response_is_respected_whatever_the_annotation(
    bound_of, annotation: Any, body: Any, media_type: str | None, sent: bytes, sent_type: str | None
) -> None:
    given = Response(body, 418, media_type, {"X": "y"})
    response = returned(bound_of, annotation, given, status=201)
    assert (response.body, response.status, response.media_type) == (sent, 418, sent_type)
    assert response.headers == {"X": "y"}
    assert given.body is body  # it may be one the handler keeps


async def chunks() -> AsyncIterator[bytes]:
    yield b"a"


@pytest.mark.parametrize("annotation", [Stream, Response, NO_ANNOTATION, Airport | Stream])
def test_streams_and_files_pass_untouched(bound_of, annotation: Any) -> None:
    for response in (Stream(chunks()), File("README.md")):
        assert returned(bound_of, annotation, response) is response


def test_an_applications_own_response_keeps_its_class(bound_of) -> None:
    response = returned(bound_of, Created, Created({"a": 1}, 201))
    assert (type(response), response.body) == (Created, b'{"a":1}')


@pytest.mark.parametrize("status", [204, 205, 304])
def test_a_status_without_content_refuses_an_annotation_with(bound_of, status: int) -> None:
    with pytest.raises(RouteError, match=f"status {status} has no content; annotate the result None"):
        returned(bound_of, Airport, None, status=status)


def test_a_coroutine_is_not_encoded(bound_of) -> None:
    async def inner() -> str:
        return ""

    def handler():  # type: ignore[no-untyped-def]
        return inner()

    with pytest.raises(TypeError, match="declare the handler `async def`"):
        bound_of(handler, run="inline").ask()


def test_what_is_no_json_is_the_handlers_bug(bound_of) -> None:
    with pytest.raises(TypeError):
        returned(bound_of, NO_ANNOTATION, object())
