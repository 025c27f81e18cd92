"""Form fields and files as parameters."""

from typing import Annotated, Any

import pytest
from msgspec import Meta, Struct

from stanchion.errors import HTTPError
from stanchion.http.form_data import FormLimits
from stanchion.http.params import Form
from stanchion.http.uploads import Upload
from stanchion.routing.binding import BindLimits

URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}


class Sign(Struct):
    name: Annotated[str, Meta(min_length=1)]
    age: int = 0
    tags: list[str] = []


class Photo(Struct):
    title: str
    file: Upload
    more: list[Upload] = []


def multipart(*parts: tuple[str, str | None, bytes]) -> bytes:
    """A body of parts: name, file name or None, content."""
    body = b""
    for name, filename, content in parts:
        file = f'; filename="{filename}"' if filename is not None else ""
        body += f'--b\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n"
    return body + b"--b--\r\n"


def test_a_struct_from_a_form(bound_of) -> None:
    async def handler(sign: Annotated[Sign, Form()]) -> Sign:
        return sign

    bound = bound_of(handler, "POST")
    expected = b'{"name":"Ada","age":36,"tags":["a","b"]}'
    assert bound.ask(headers=URLENCODED, body=b"name=Ada&age=36&tags=a&tags=b&other=1").body == expected
    parts = multipart(("name", None, b"Ada"), ("age", None, b"36"), ("tags", None, b"a"), ("tags", None, b"b"))
    assert bound.ask(headers=MULTIPART, body=parts).body == expected
    assert bound.faults(headers=URLENCODED, body=b"age=x&age=y") == [
        ("body.name", "string of at least 1 character", "nothing"),
        ("body.age", "integer, once", "2 values"),
    ]


def test_fields_and_files_as_parameters(bound_of) -> None:
    async def handler(
        title: Annotated[str, Form()],
        photo: Upload,
        more: list[Upload],
        note: Annotated[str, Form()] = "none",
    ) -> list[Any]:
        return [title, photo.filename, (await photo.read()).decode(), [file.filename for file in more], note]

    bound = bound_of(handler, "POST")
    body = multipart(
        ("title", None, b"Sea"), ("photo", "a.png", b"png"), ("more", "b.png", b"1"), ("more", "c.png", b"2")
    )
    assert bound.ask(headers=MULTIPART, body=body).body == b'["Sea","a.png","png",["b.png","c.png"],"none"]'
    body = multipart(("photo", None, b"text"), ("more", "b.png", b"1"))
    assert bound.faults(headers=MULTIPART, body=body) == [
        ("body.title", "string", "nothing"),
        ("body.photo", "file", "nothing"),
    ]
    body = multipart(("title", None, b"t"), ("photo", "a", b"1"), ("photo", "b", b"1"), ("more", "b.png", b"1"))
    assert bound.faults(headers=MULTIPART, body=body) == [("body.photo", "file, once", "2 values")]


def test_files_in_a_struct(bound_of) -> None:
    async def handler(photo: Annotated[Photo, Form()]) -> list[Any]:
        return [photo.title, photo.file.size, len(photo.more)]

    bound = bound_of(handler, "POST")
    body = multipart(("title", None, b"Sea"), ("file", "a.png", b"png"))
    assert bound.ask(headers=MULTIPART, body=body).body == b'["Sea",3,0]'
    body = multipart(("title", None, b"Sea"), ("title", "a.png", b"png"))
    assert bound.faults(headers=MULTIPART, body=body) == [("body.file", "file", "nothing")]


def test_an_optional_file(bound_of) -> None:
    async def handler(photo: Upload | None) -> str:
        return repr(photo)

    assert bound_of(handler, "POST").ask(headers=MULTIPART, body=multipart()).body == b"None"


def test_the_form_is_closed_when_the_handler_is_done(bound_of) -> None:
    kept: list[Upload] = []

    async def handler(photo: Upload) -> None:
        kept.append(photo)

    bound_of(handler, "POST").ask(headers=MULTIPART, body=multipart(("photo", "a", b"1")))
    with pytest.raises(ValueError, match="closed"):
        kept[0].read().send(None)


@pytest.mark.parametrize(
    ("headers", "body", "refusal"),
    [
        ({}, b"name=a", (415, "unsupported-media-type")),
        ({"Content-Type": "application/json"}, b"{}", (415, "unsupported-media-type")),
        (URLENCODED, b"name=%FF", (400, "malformed-form")),
        (MULTIPART, b"--b\r\n", (400, "malformed-form")),
        (URLENCODED, b"name=a&tags=1&tags=2", (413, "too-many-parameters")),
        (URLENCODED, b"", (422, "validation-failed")),
    ],
)
def test_what_is_no_form_of_ours(bound_of, headers: Any, body: bytes, refusal: Any) -> None:
    async def handler(sign: Annotated[Sign, Form()]) -> None: ...

    limits = BindLimits(form=FormLimits(max_params=2))
    with pytest.raises(HTTPError) as caught:
        bound_of(handler, "POST", limits=limits).ask(headers=headers, body=body)
    assert (caught.value.status, caught.value.code) == refusal


def test_a_parameter_may_be_called_form(bound_of) -> None:
    async def handler(form: Annotated[Sign, Form()], limits: Annotated[int, Form()] = 1) -> Sign:
        return form

    assert bound_of(handler, "POST").ask(headers=URLENCODED, body=b"name=a").status == 200
