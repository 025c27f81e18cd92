"""RFC 9111 §4, §4.3.2, §5.1; RFC 9110 §13, §14, §15.4.5: the answer that a stored response makes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.cache.rules import serving
from stanchion.cache.rules.serving import Answer
from tests.cache.rules.made import NOW, Fields, asked, date, kept
from tests.cache.rules.requirements import requirement

FRESH = {"Cache-Control": "max-age=60", "Date": date()}


def answer(
    stored: dict[str, str], request: Fields | None = None, *, method: str = "GET", status: int = 200, after: float = 5
) -> Answer:
    return serving.answer(method, asked(request), kept({**FRESH, **stored}, status=status), NOW + after)


@requirement("5.1", "MUST", "count Age in whole seconds")
@requirement("4", "MUST", "generate Age when a stored response is used")
@pytest.mark.parametrize(("after", "age"), [(0, b"0"), (5.9, b"5"), (100, b"100"), (-10, b"0")])
def test_4_age_is_generated(after: float, age: bytes) -> None:
    assert dict(answer({}, after=after).fields)[b"age"] == age
    assert dict(answer({"Age": "30"}, after=5).fields)[b"age"] == b"35"


@requirement("6.6.1", "MUST NOT", "change Date", rfc=9110)
def test_9110_6_6_1_date_and_expires_stay() -> None:
    made = dict(answer({"Expires": date(60)}).fields)
    assert (made[b"date"], made[b"expires"]) == (date().encode(), date(60).encode())


@requirement("4.3.2", "SHOULD", "answer If-None-Match by the stored entity tag, compared weakly")
@pytest.mark.parametrize(
    ("tag", "condition", "status"),
    [
        ('"a"', '"a"', 304),
        ('W/"a"', 'W/"a"', 304),
        ('"a"', 'W/"a"', 304),
        ('"a"', '"x", "a", "y"', 304),
        ('"a"', "*", 304),
        ('"ü"', '"ü"', 304),
        ('"a"', '"b"', 200),
        ("a", "a", 200),
        ('"a"', "a", 200),
    ],
)
def test_4_3_2_if_none_match(tag: str, condition: str, status: int) -> None:
    made = answer({"ETag": tag}, {"If-None-Match": condition})
    assert made.status == status
    assert made.body == (b"" if status == 304 else b"0123456789")


@requirement("4.3.2", "SHOULD", "answer If-Modified-Since by Last-Modified, else by Date")
@pytest.mark.parametrize(
    ("stored", "since", "status"),
    [
        ({"Last-Modified": date(-3000)}, date(-3000), 304),
        ({"Last-Modified": date(-3000)}, date(-2000), 304),
        ({"Last-Modified": date(-3000)}, date(-3001), 200),
        ({"Last-Modified": date(-3000)}, "yesterday", 200),
        ({}, date(0), 304),
        ({}, date(-1), 200),
    ],
)
def test_4_3_2_if_modified_since(stored: dict[str, str], since: str, status: int) -> None:
    assert answer(stored, {"If-Modified-Since": since}).status == status


@requirement("13.1.3", "MUST", "ignore If-Modified-Since beside If-None-Match", rfc=9110)
@pytest.mark.parametrize(("tag", "since", "status"), [('"a"', -9000, 304), ('"b"', 0, 200)])
def test_9110_13_1_3_if_none_match_has_precedence(tag: str, since: float, status: int) -> None:
    request = {"If-None-Match": tag, "If-Modified-Since": date(since)}
    assert answer({"ETag": '"a"', "Last-Modified": date(-3000)}, request).status == status


@requirement("15.4.5", "MUST", "send in a 304 what governs the copy of the client", rfc=9110)
def test_9110_15_4_5_fields_of_a_304() -> None:
    governing = {
        "ETag": '"a"',
        "Content-Location": "/a",
        "Expires": date(60),
        "Vary": "Foo",
        "Last-Modified": date(-60),
    }
    made = answer({**governing, "Content-Type": "text/plain", "X": "1"}, {"If-None-Match": '"a"'})
    names = {name.lower().encode() for name in {**FRESH, **governing}} | {b"age"}
    assert {name for name, _ in made.fields} == names


@requirement("13.2.1", "MUST", "ignore conditions where the answer would not be 2xx", rfc=9110)
def test_9110_13_2_1_conditions_on_an_error() -> None:
    request = {"If-None-Match": "*", "Range": "bytes=0-1"}
    assert answer({"ETag": '"a"'}, request, status=404).status == 404


@requirement("9.3.2", "MUST", "answer a HEAD with the fields of the GET, without the body", rfc=9110)
def test_9110_9_3_2_head() -> None:
    made = answer({"X": "1"}, {"Range": "bytes=0-1"}, method="HEAD")
    assert (made.status, made.body) == (200, b"")
    assert set(made.fields) == {*answer({"X": "1"}).fields, (b"content-length", b"10")}
    assert answer({"ETag": '"a"'}, {"If-None-Match": '"a"'}, method="HEAD").status == 304


@requirement("14.2", "MAY", "answer a range from a complete stored response", rfc=9110)
@pytest.mark.parametrize(
    ("wanted", "body", "content_range"),
    [
        ("bytes=0-1", b"01", b"bytes 0-1/10"),
        ("bytes=1-", b"123456789", b"bytes 1-9/10"),
        ("bytes=-1", b"9", b"bytes 9-9/10"),
        ("bytes=5-100", b"56789", b"bytes 5-9/10"),
    ],
)
def test_9110_14_2_ranges(wanted: str, body: bytes, content_range: bytes) -> None:
    made = answer({"A": "1"}, {"Range": wanted})
    assert (made.status, made.body) == (206, body)
    assert dict(made.fields)[b"content-range"] == content_range
    assert dict(made.fields)[b"a"] == b"1"


@requirement("14.2", "MUST", "ignore a Range that is malformed, in another unit, or that If-Range takes back", rfc=9110)
@pytest.mark.parametrize(
    "request_fields",
    [
        {"Range": "bytes=2-1"},
        {"Range": "lines=0-1"},
        {"Range": "bytes=0-1, 3-4"},
        {"Range": "bytes=0-1", "If-Range": '"b"'},
        {"Range": "bytes=0-1", "If-Range": 'W/"a"'},
        {"Range": "bytes=0-1", "If-Range": date(-59)},
    ],
)
def test_9110_14_2_the_whole_instead_of_a_range(request_fields: dict[str, str]) -> None:
    made = answer({"ETag": '"a"', "Last-Modified": date(-60)}, request_fields)
    assert (made.status, made.body) == (200, b"0123456789")


@requirement("13.1.5", "MAY", "answer a range where If-Range matches strongly", rfc=9110)
@pytest.mark.parametrize("condition", ['"a"', date(-60)])
def test_9110_13_1_5_if_range(condition: str) -> None:
    request = {"Range": "bytes=0-1", "If-Range": condition}
    assert answer({"ETag": '"a"', "Last-Modified": date(-60)}, request).status == 206


@requirement("15.5.17", "SHOULD", "say how long it is where no byte of the range exists", rfc=9110)
def test_9110_15_5_17_no_such_range() -> None:
    made = answer({}, {"Range": "bytes=10-"})
    assert (made.status, made.body, dict(made.fields)[b"content-range"]) == (416, b"", b"bytes */10")


@given(st.integers(0, 30), st.integers(0, 30))
def test_a_range_is_a_slice(first: int, last: int) -> None:
    made = answer({}, {"Range": f"bytes={first}-{last}"})
    whole = b"0123456789"
    if last < first:
        assert (made.status, made.body) == (200, whole)
    elif first >= len(whole):
        assert made.status == 416
    else:
        assert (made.status, made.body) == (206, whole[first : last + 1])
