import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from stanchion.http.response import Response, Stream


def test_a_header_is_replaced_whatever_its_case() -> None:
    response = Response(headers={"cache-control": "no-store", "Vary": "Accept"})
    response.set_header("Cache-Control", "max-age=60")
    assert response.headers == {"Vary": "Accept", "Cache-Control": "max-age=60"}


def test_headers_given_are_not_changed_in_place() -> None:
    shared = {"Vary": "Accept"}
    Response(headers=shared).set_header("Vary", "*")
    assert shared == {"Vary": "Accept"}


def test_added_headers_repeat() -> None:
    response = Response()
    response.add_header("Link", "</a>; rel=next")
    response.add_header("Link", "</b>; rel=last")
    assert response.more_headers == [("Link", "</a>; rel=next"), ("Link", "</b>; rel=last")]
    assert Response().more_headers is None


def test_a_cookie_is_safe_by_default() -> None:
    response = Response()
    response.set_cookie("session", "abc")
    assert response.more_headers == [("Set-Cookie", "session=abc; Path=/; SameSite=Lax; Secure; HttpOnly")]


def test_a_cookie_with_everything() -> None:
    response = Response()
    response.set_cookie(
        "a",
        "b",
        max_age=60,
        expires=datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC),
        path="/x",
        domain="example.com",
        secure=False,
        http_only=False,
        same_site="strict",
    )
    assert response.more_headers == [
        (
            "Set-Cookie",
            "a=b; Path=/x; SameSite=Strict; Max-Age=60; Expires=Wed, 02 Jan 2030 03:04:05 GMT; Domain=example.com",
        )
    ]


@pytest.mark.parametrize(("name", "value"), [("a b", "c"), ("a=", "c"), ("a;", "c"), ("a", "c;d"), ("a", "c d")])
def test_a_cookie_that_would_be_read_otherwise_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="encode it first"):
        Response().set_cookie(name, value)


def test_a_deleted_cookie_expires_at_once() -> None:
    response = Response()
    response.delete_cookie("session", path="/app")
    assert response.more_headers is not None
    assert response.more_headers[0][1].startswith("session=; Path=/app; SameSite=Lax; Max-Age=0;")


def test_a_stream_sends_text_and_bytes() -> None:
    async def lines() -> AsyncIterator[str | bytes]:
        yield "grün\n"
        yield b"\xff"

    async def main() -> None:
        assert [chunk async for chunk in Stream(lines()).chunks()] == ["grün\n".encode(), b"\xff"]

    asyncio.run(main())


def test_closing_a_stream_closes_its_iterator_at_once() -> None:
    closed = False

    async def endless() -> AsyncIterator[str]:
        nonlocal closed
        try:
            while True:
                yield "x"
        finally:
            closed = True

    async def main() -> None:
        chunks = Stream(endless()).chunks()
        await anext(chunks)
        await chunks.aclose()
        assert closed

    asyncio.run(main())
