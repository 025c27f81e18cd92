"""RFC 9111 §4.3, §3.2: validation, and what a 304 and a HEAD change."""

import pytest

from stanchion.cache.entry import Stored
from stanchion.cache.rules import freshness, validation
from tests.cache.rules.made import NOW, date, kept, raw
from tests.cache.rules.requirements import requirement

LATER = NOW + 100


def after_304(stored: Stored, fields: dict[str, str]) -> dict[bytes, bytes]:
    made = validation.refreshed(stored, raw(fields), requested=LATER, received=LATER)
    assert made.body == stored.body
    assert made.selecting == stored.selecting
    return dict(made.fields)


@requirement("4.3.1", "MUST", "send the entity tag in If-None-Match")
@requirement("4.3.1", "SHOULD", "send Last-Modified in If-Modified-Since")
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"ETag": '"a"'}, {b"if-none-match": b'"a"'}),
        ({"ETag": 'W/"a"'}, {b"if-none-match": b'W/"a"'}),
        ({"Last-Modified": date(-5)}, {b"if-modified-since": date(-5).encode()}),
        ({"ETag": "a", "Last-Modified": date()}, {b"if-none-match": b"a", b"if-modified-since": date().encode()}),
        ({"Last-Modified": "yesterday"}, {}),
        ({}, {}),
    ],
)
def test_4_3_1_validators_are_sent_as_received(fields: dict[str, str], expected: dict[bytes, bytes]) -> None:
    assert validation.conditional(kept(fields)) == expected


@requirement("3.2", "MUST", "replace stored fields by those of the 304, and keep the others")
def test_3_2_fields_of_a_304_replace_the_stored_ones() -> None:
    stored = kept({"Cache-Control": "max-age=1", "ETag": '"a"', "A": "1", "B": "1", "Content-Type": "text/plain"})
    made = after_304(stored, {"Cache-Control": "max-age=60", "B": "2", "C": "3", "Content-Type": "text/html"})
    assert made == {
        b"cache-control": b"max-age=60",
        b"etag": b'"a"',
        b"a": b"1",
        b"b": b"2",
        b"c": b"3",
        b"content-type": b"text/html",
        b"date": date(100).encode(),
    }


@requirement("3.2", "MUST", "replace all lines of a field")
def test_3_2_all_lines_are_replaced() -> None:
    stored = kept([("A", "1"), ("A", "2"), ("ETag", '"a"')])
    made = validation.refreshed(stored, raw([("A", "3"), ("A", "4")]), requested=LATER, received=LATER)
    assert [value for name, value in made.fields if name == b"a"] == [b"3", b"4"]


@requirement("3.2", "MUST NOT", "update Content-Length, fields of the connection, and what the body is encoded in")
@pytest.mark.parametrize(
    "name", ["Content-Length", "Content-Encoding", "Content-Range", "Set-Cookie", "Age", "Upgrade"]
)
def test_3_2_fields_that_are_not_updated(name: str) -> None:
    for stored in (kept({"ETag": '"a"'}), kept({"ETag": '"a"', name: "old"})):
        before = dict(stored.fields).get(name.lower().encode())
        assert after_304(stored, {name: "new", "Connection": "x", "X": "1"}).get(name.lower().encode()) == before
        assert b"x" not in after_304(stored, {"Connection": "x", "X": "1"})


@requirement("5.2.2.4", "MUST NOT", "let a 304 bring back a field that no-cache names")
def test_5_2_2_4_a_304_does_not_bring_back_what_no_cache_names() -> None:
    stored = kept({"Cache-Control": 'max-age=1, no-cache="a"', "ETag": '"a"', "A": "1"})
    assert b"a" not in after_304(stored, {"A": "2"})
    other = kept({"Cache-Control": "max-age=1", "ETag": '"a"', "A": "1"})
    assert b"a" not in after_304(other, {"Cache-Control": 'max-age=60, private="a"'})


@requirement("4.3.4", "MUST", "count the age of a validated response anew")
def test_4_3_4_a_304_makes_it_fresh() -> None:
    stored = kept({"Cache-Control": "max-age=60", "Date": date(), "Age": "50"})
    assert freshness.staleness(stored, LATER) == 90
    made = validation.refreshed(stored, raw({"Date": date(100), "Age": "5"}), requested=LATER, received=LATER + 1)
    assert freshness.age(made, LATER + 1) == 6
    assert freshness.staleness(made, LATER + 1) == -54


@requirement("4.3.4", "MUST NOT", "update a response that a 304 is not for")
@pytest.mark.parametrize(
    ("stored", "received", "expected"),
    [
        ({"ETag": '"a"'}, {"ETag": '"a"'}, True),
        ({"ETag": '"a"'}, {"ETag": 'W/"a"'}, True),
        ({"ETag": '"a"'}, {"ETag": '"b"'}, False),
        ({"ETag": '"a"'}, {}, True),
        ({"Last-Modified": date(-60)}, {"ETag": '"b"'}, False),
        ({"Last-Modified": date(-60)}, {"Last-Modified": date(-60)}, True),
        ({"Last-Modified": date(-60)}, {"Last-Modified": date(-30)}, False),
        ({"ETag": '"a"', "Vary": "Foo"}, {"Vary": "foo"}, True),
        ({"ETag": '"a"', "Vary": "Foo"}, {"Vary": "Foo, Bar"}, False),
        ({"ETag": '"a"', "Vary": "Foo, Bar"}, {"Vary": "Bar"}, True),
        ({"ETag": '"a"'}, {"Vary": "*"}, False),
    ],
)
def test_4_3_4_which_304_confirms(stored: dict[str, str], received: dict[str, str], expected: bool) -> None:
    assert validation.confirms(kept(stored), raw(received)) is expected


@requirement("4.3.5", "SHOULD", "update a stored response from a HEAD with the same validators and length")
def test_4_3_5_head_updates() -> None:
    stored = kept({"Cache-Control": "max-age=1", "ETag": '"a"', "A": "1", "B": "1"})
    fields = raw({"ETag": '"a"', "Content-Length": "10", "Cache-Control": "max-age=1000", "A": "2"})
    made = validation.head_update(stored, fields, requested=LATER, received=LATER)
    assert made is not None
    assert made.body == stored.body
    assert freshness.lifetime(made) == 1000
    assert (dict(made.fields)[b"a"], dict(made.fields)[b"b"]) == (b"2", b"1")


@requirement("4.3.5", "SHOULD", "take for invalid what a HEAD shows to have changed")
@pytest.mark.parametrize(
    "fields", [{"ETag": '"b"'}, {"ETag": '"a"', "Content-Length": "11"}, {"Last-Modified": date(5)}, {"Vary": "x"}]
)
def test_4_3_5_head_invalidates(fields: dict[str, str]) -> None:
    stored = kept({"Cache-Control": "max-age=1", "ETag": '"a"', "Last-Modified": date(-60)})
    assert validation.head_update(stored, raw(fields), requested=LATER, received=LATER) is None
