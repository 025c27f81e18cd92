"""RFC 9110 §13: each condition, their order, and what is to be ignored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.http.conditional import Validators, http_date, parse_http_date, precondition, range_applies

MODIFIED = 784_111_777
SAME = b"Sun, 06 Nov 1994 08:49:37 GMT"
BEFORE = b"Sun, 06 Nov 1994 08:49:36 GMT"
AFTER = b"Sun, 06 Nov 1994 08:49:38 GMT"
STRONG = Validators('"a,b"', MODIFIED)
WEAK = Validators('W/"a,b"', MODIFIED)
NEITHER = Validators()


@pytest.mark.parametrize(
    ("field", "current", "matches"),
    [
        (b'"a,b"', STRONG, True),
        (b'W/"a,b"', STRONG, True),
        (b'"a,b"', WEAK, True),
        (b'"x", W/"y" ,"a,b"', STRONG, True),
        (b'"x"', STRONG, False),
        (b"a,b", STRONG, False),
        (b'"a", "b"', STRONG, False),
        (b"", STRONG, False),
        (b'"', STRONG, False),
        (b"*", STRONG, True),
        (b"*", NEITHER, True),
        (b"*", None, False),
        (b'"a,b"', None, False),
        (b'"a,b"', NEITHER, False),
    ],
)
def test_if_none_match_compares_weakly(field: bytes, current: Validators | None, matches: bool) -> None:
    fields = {b"if-none-match": field}
    assert precondition("GET", fields, current) == (304 if matches else None)
    assert precondition("HEAD", fields, current) == (304 if matches else None)
    assert precondition("PUT", fields, current) == (412 if matches else None)


@pytest.mark.parametrize(
    ("field", "current", "matches"),
    [
        (b'"a,b"', STRONG, True),
        (b'"x","a,b"', STRONG, True),
        (b'W/"a,b"', STRONG, False),
        (b'"a,b"', WEAK, False),
        (b'W/"a,b"', WEAK, False),
        (b"*", WEAK, True),
        (b"*", None, False),
        (b'"a,b"', None, False),
        (b'"a,b"', NEITHER, False),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_if_match_compares_strongly(method: str, field: bytes, current: Validators | None, matches: bool) -> None:
    assert precondition(method, {b"if-match": field}, current) == (None if matches else 412)


@pytest.mark.parametrize(
    ("date", "status"), [(BEFORE, None), (SAME, 304), (AFTER, 304), (b"yesterday", None), (b"", None)]
)
def test_if_modified_since_is_for_reading(date: bytes, status: int | None) -> None:
    fields = {b"if-modified-since": date}
    assert precondition("GET", fields, STRONG) == status
    assert precondition("POST", fields, STRONG) is None
    assert precondition("GET", fields, NEITHER) is None
    assert precondition("GET", fields, None) is None


@pytest.mark.parametrize(("date", "status"), [(BEFORE, 412), (SAME, None), (AFTER, None), (b"yesterday", None)])
def test_if_unmodified_since_is_for_any_method(date: bytes, status: int | None) -> None:
    fields = {b"if-unmodified-since": date}
    assert precondition("GET", fields, STRONG) == status
    assert precondition("PATCH", fields, STRONG) == status
    assert precondition("PATCH", fields, NEITHER) is None


def test_a_tag_decides_over_a_date() -> None:
    assert precondition("GET", {b"if-none-match": b'"x"', b"if-modified-since": AFTER}, STRONG) is None
    assert precondition("PUT", {b"if-match": b'"a,b"', b"if-unmodified-since": BEFORE}, STRONG) is None


def test_if_match_is_asked_before_if_none_match() -> None:
    assert precondition("GET", {b"if-match": b'"x"', b"if-none-match": b'"a,b"'}, STRONG) == 412
    assert precondition("GET", {b"if-match": b'"a,b"', b"if-none-match": b'"a,b"'}, STRONG) == 304


def test_no_condition_goes_on() -> None:
    assert precondition("GET", {}, STRONG) is None


@pytest.mark.parametrize(
    ("field", "current", "applies"),
    [
        (b'"a,b"', STRONG, True),
        (b'"x"', STRONG, False),
        (b'W/"a,b"', STRONG, False),
        (b'W/"a,b"', WEAK, False),
        (b'"a,b"', NEITHER, False),
        (SAME, STRONG, True),
        (BEFORE, STRONG, False),
        (AFTER, STRONG, False),
        (SAME, NEITHER, False),
        (b"nonsense", STRONG, False),
        (b"", NEITHER, False),
    ],
)
def test_if_range(field: bytes, current: Validators, applies: bool) -> None:
    assert range_applies(field, current) is applies


@pytest.mark.parametrize("date", [SAME, b"Sunday, 06-Nov-94 08:49:37 GMT", b"Sun Nov  6 08:49:37 1994"])
def test_all_three_forms_of_a_date(date: bytes) -> None:
    assert parse_http_date(date) == MODIFIED


@given(st.integers(min_value=0, max_value=253_402_300_799))
def test_dates_round_trip(seconds: int) -> None:
    assert parse_http_date(http_date(seconds).encode()) == seconds


@given(st.binary() | st.text("SunMod,0123456789: -+GMTNov").map(str.encode))
def test_any_date_is_read_or_ignored(value: bytes) -> None:
    assert parse_http_date(value) is None or isinstance(parse_http_date(value), int)


@given(st.binary(), st.sampled_from(["GET", "PUT"]), st.sampled_from([STRONG, WEAK, NEITHER, None]))
def test_any_field_is_an_answer(value: bytes, method: str, current: Validators | None) -> None:
    for name in (b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since"):
        assert precondition(method, {name: value}, current) in (None, 304, 412)
