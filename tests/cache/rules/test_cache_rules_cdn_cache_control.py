"""RFC 9213: CDN-Cache-Control."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.cache.rules import freshness, reuse
from stanchion.cache.rules.reuse import Use
from stanchion.cache.rules.targeted import parse
from tests.cache.rules.made import NOW, Fields, date, kept, may_store
from tests.cache.rules.requirements import requirement


def lifetime(fields: Fields) -> float:
    return freshness.lifetime(kept(fields))


@requirement("2.1", "MUST", "read it as a dictionary; parameters are ignored", rfc=9213)
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"max-age=100", {b"max-age": b"100"}),
        (b"foobar, max-age=100", {b"foobar": None, b"max-age": b"100"}),
        (b" max-age=1;x=2;y ,\tfoo ", {b"max-age": b"1", b"foo": None}),
        (b"max-age=1, max-age=2", {b"max-age": b"2"}),
        (b"a=?1, b=?0", {b"a": None}),
        (
            b'private="a, b", c=1.5, d=:YQ==:, e=tok/en',
            {b"private": b"a, b", b"c": b"1.5", b"d": b":YQ==:", b"e": b"tok/en"},
        ),
        (b'no-cache=("a" b);x', {b"no-cache": b"a,b"}),
    ],
)
def test_9213_2_1_dictionary(value: bytes, expected: dict[bytes, bytes | None]) -> None:
    assert parse(value) == expected


@requirement("2.1", "MUST", "ignore the field where it is empty or does not parse", rfc=9213)
@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "max-age=100, &&&",
        "max-age =100",
        "max-age= 100",
        "MaX-aGe=100",
        "max-age=100,",
        "max-age=100 foo",
        'max-age="100"',
        "max-age=1.5",
        "max-age",
        "max-age=-1",
        "max-age=?1",
        'a="b',
        "max-age=9999999999999999",
        "a=(",
    ],
)
def test_9213_2_1_what_does_not_parse_is_ignored(value: str) -> None:
    fields = {"CDN-Cache-Control": value, "Date": date()}
    assert lifetime({**fields, "Cache-Control": "max-age=5"}) == 5
    assert lifetime({**fields, "Expires": date(6)}) == 6
    assert not may_store({**fields, "Cache-Control": "no-store", "ETag": '"a"'})


@requirement("2.2", "MUST", "ignore Cache-Control and Expires beside one that parses", rfc=9213)
def test_9213_2_2_it_replaces_cache_control_and_expires() -> None:
    others = {"Cache-Control": "max-age=1", "Expires": date(10000), "Date": date()}
    assert lifetime({**others, "CDN-Cache-Control": "max-age=3600"}) == 3600
    assert lifetime({**others, "CDN-Cache-Control": "max-age=0"}) == 0
    assert lifetime({**others, "CDN-Cache-Control": "foo"}) == 0
    assert lifetime({**others, "CDN-Cache-Control": "max-age=99999999999"}) == 2**31


@requirement("2.2", "MUST", "obey its no-store, private and no-cache, whatever Cache-Control says", rfc=9213)
def test_9213_2_2_its_prohibitions() -> None:
    others = {"Cache-Control": "max-age=10000, public", "Expires": date(10000), "ETag": '"a"'}
    assert not may_store({**others, "CDN-Cache-Control": "no-store"})
    assert not may_store({**others, "CDN-Cache-Control": "private"})
    assert reuse.use({}, kept({**others, "CDN-Cache-Control": "no-cache"}), NOW) is Use.VALIDATE


@requirement("2.2", "MAY", "store by it what Cache-Control forbids to others", rfc=9213)
@pytest.mark.parametrize("value", ["no-store", "private", "no-cache", "max-age=0, must-revalidate"])
def test_9213_2_2_cache_control_is_for_others(value: str) -> None:
    fields = {"Cache-Control": value, "CDN-Cache-Control": "max-age=60"}
    assert may_store(fields)
    assert reuse.use({}, kept(fields), NOW) is Use.FRESH


@requirement("2.1", "MUST", "read several lines as one", rfc=9213)
def test_9213_2_1_lines() -> None:
    assert lifetime([("CDN-Cache-Control", "foo"), ("CDN-Cache-Control", "max-age=60")]) == 60


@requirement("2.2", "choice", "the field is passed on as it is", rfc=9213)
def test_9213_2_2_it_is_kept() -> None:
    assert (b"cdn-cache-control", b"max-age=60") in kept({"CDN-Cache-Control": "max-age=60"}).fields


@given(st.binary(max_size=60))
def test_bytes_parse_or_do_not(value: bytes) -> None:
    found = parse(value)
    assert found is None or all(name == name.lower() for name in found)
