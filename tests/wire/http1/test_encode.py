"""Responses to bytes, without a server."""

import pytest

from stanchion.http.response import JSON, Response
from stanchion.wire.http1 import encode

DATE = b"\r\ndate: D\r\n\r\n"


def test_a_whole_response() -> None:
    response = Response(b"{}", 201, JSON, {"X-A": "b"}, [("Set-Cookie", "c=d"), ("Set-Cookie", "e=f")])
    assert encode.whole(response, b"{}", DATE, head_only=False) == (
        b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: 2"
        b"\r\nX-A: b\r\nSet-Cookie: c=d\r\nSet-Cookie: e=f\r\ndate: D\r\n\r\n{}"
    )


@pytest.mark.parametrize("size", [0, 9, 10, 4095, 4096, 100_000])
def test_lengths(size: int) -> None:
    body = b"x" * size
    data = encode.whole(Response(body), body, DATE, head_only=False)
    assert data == b"HTTP/1.1 200 OK\r\ncontent-length: %d%b%b" % (size, DATE, body)
    assert encode.whole(Response(body), body, DATE, head_only=True) == data[: len(data) - size]


def test_a_status_without_a_phrase() -> None:
    assert encode.whole(Response(status=299), b"", DATE, head_only=False).startswith(b"HTTP/1.1 299 \r\n")


@pytest.mark.parametrize("status", [-1, 0, 100, 199, 600, 1000])
def test_a_status_that_is_no_final_one(status: int) -> None:
    with pytest.raises(ValueError, match="200 to 599"):
        encode.prefix_of(status, None)


def test_streamed_heads() -> None:
    response = Response(status=206, media_type="a/b")
    start = b"HTTP/1.1 206 Partial Content\r\ncontent-type: a/b"
    assert encode.streamed(response, DATE, 7, chunked=False) == start + b"\r\ncontent-length: 7" + DATE
    assert encode.streamed(response, DATE, None, chunked=True) == start + b"\r\ntransfer-encoding: chunked" + DATE
    assert encode.streamed(response, DATE, None, chunked=False) == start + DATE


def test_media_types_from_data_do_not_fill_the_memory() -> None:
    for n in range(1000):
        assert b"x/%d" % n in encode.prefix_of(200, f"x/{n}")
    assert len(encode._PREFIXES) <= 512
