"""One byte range against a slow model of RFC 9110 §14.1.2: the set of positions it names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.errors import HTTPError
from stanchion.http.ranges import byte_range

positions = st.integers(min_value=0, max_value=40)


def outcome(field: bytes, size: int) -> range | int | None:
    """The positions sent, None for the whole, or 416."""
    try:
        part = byte_range(field, size)
    except HTTPError as error:
        return error.status
    return None if part is None else range(part[0], part[0] + part[1])


def model(wanted: list[int], size: int) -> range | int:
    there = [position for position in wanted if position < size]
    return range(there[0], there[-1] + 1) if there else 416


@given(positions, positions, st.integers(min_value=1, max_value=40))
def test_from_to(first: int, last: int, size: int) -> None:
    expected = None if last < first else model(list(range(first, last + 1)), size)
    assert outcome(b"bytes=%d-%d" % (first, last), size) == expected


@given(positions, st.integers(min_value=1, max_value=40))
def test_open_ended(first: int, size: int) -> None:
    assert outcome(b"bytes=%d-" % first, size) == model(list(range(first, 100)), size)


@given(positions, st.integers(min_value=1, max_value=40))
def test_suffix(length: int, size: int) -> None:
    assert outcome(b"bytes=-%d" % length, size) == model(list(range(size))[-length:] if length else [], size)


def test_a_refusal_tells_the_size() -> None:
    with pytest.raises(HTTPError) as caught:
        byte_range(b"bytes=10-", 10)
    assert caught.value.code == "range-not-satisfiable"
    assert caught.value.headers == {"Content-Range": "bytes */10"}


@pytest.mark.parametrize(
    "field",
    [
        b"bytes=0-1,3-4",
        b"bytes=-",
        b"bytes=",
        b"bytes=a-b",
        b"bytes=1",
        b"bytes = 0-1",
        b"bytes=0-1 ",
        b"bytes=+0-1",
        b"bytes=0-1\n",
        "bytes=٣-٤".encode(),
        b"lines=0-1",
        b"0-1",
        b"",
        b"bytes=0-" + b"9" * 33,
        b"bytes=" + b"9" * 5000 + b"-",
    ],
)
def test_anything_else_is_ignored(field: bytes) -> None:
    assert outcome(field, 10) is None


def test_the_unit_has_no_case() -> None:
    assert outcome(b"Bytes=2-3", 10) == range(2, 4)


def test_a_last_position_beyond_64_bits_is_the_end() -> None:
    assert outcome(b"bytes=4-18446744073709551615", 10) == range(4, 10)


@pytest.mark.parametrize("field", [b"bytes=0-", b"bytes=-5", b"bytes=3-4"])
def test_an_empty_representation_is_sent_whole(field: bytes) -> None:
    assert outcome(field, 0) is None


@given(st.binary(max_size=40), st.integers(min_value=0, max_value=40))
def test_any_field_gives_bytes_that_exist(field: bytes, size: int) -> None:
    sent = outcome(b"bytes=" + field, size)
    assert sent is None or sent == 416 or (len(sent) > 0 and sent.start >= 0 and sent.stop <= size)
