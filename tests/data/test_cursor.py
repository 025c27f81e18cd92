"""A place comes back from a cursor as it went in, types and all."""

import ipaddress
from datetime import timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.data.cursor import Place, unpacked
from stanchion.errors import ConfigurationError
from stanchion.http.pages import InvalidCursor

ZONES = st.none() | st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours)))
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.binary(),
    st.dates(),
    st.times(),
    st.datetimes(timezones=ZONES),
    st.decimals(allow_nan=False, places=7),
    st.uuids(),
)


@given(st.none() | st.lists(VALUES, min_size=1, max_size=4).map(tuple), st.booleans())
def test_it_comes_back(values: tuple[Any, ...] | None, backward: bool) -> None:
    found = unpacked(Place(values, backward).packed())
    assert found == Place(values, backward)
    assert [type(value) for value in found.values or ()] == [type(value) for value in values or ()]


def test_what_no_cursor_holds() -> None:
    with pytest.raises(ConfigurationError, match="cannot be ordered by a column of IPv4Address"):
        Place((ipaddress.ip_address("192.0.2.1"),)).packed()


@pytest.mark.parametrize("content", [b"", b"\xc1", *map(msgspec.msgpack.encode, (1, [], [[[99, 1]], False], [[3], 1]))])
def test_what_another_release_has_packed(content: bytes) -> None:
    with pytest.raises(InvalidCursor):
        unpacked(content)
